//! Clients that want to be told where the primary is (CLIENT CAPA REDIRECT).
//!
//! Valkey's answer to a failover without a cluster: a replica refuses what belongs to
//! the primary with `-REDIRECT host:port`, and the client goes there. A client that
//! said READONLY may read here.

use super::client::{Client, ClientFlags};
use super::dispatch::includes;
use super::replication::Replication;
use crate::command::error::{CommandError, CommandResult};
use crate::command::spec::CommandSpec;
use crate::command::{Ctx, Flags};

/// The code of the error.
pub(super) const CODE: &str = "REDIRECT";

/// What a client is told that has to go to the primary for what it asks, if it
/// wants to be told and there is another.
pub(super) fn redirection(
    client: &Client,
    replication: &Replication,
    writes: bool,
) -> Option<String> {
    let stays = client.flags.contains(ClientFlags::READS_HERE) && !writes;
    let goes = client.flags.contains(ClientFlags::CAPA_REDIRECT) && !stays;
    let upstream = replication.upstream.as_ref().filter(|_| goes)?;
    Some(format!("{CODE} {}", upstream.address))
}

/// The gate that a command for the primary does not pass.
pub(super) fn at_home(ctx: &mut Ctx<'_>, spec: &CommandSpec, _args: &[&[u8]]) -> CommandResult {
    if !ctx.client.flags.contains(ClientFlags::CAPA_REDIRECT) {
        return Ok(());
    }
    let writes = includes(ctx, spec, Flags::WRITE);
    if !writes && !includes(ctx, spec, Flags::READONLY) {
        return Ok(());
    }
    match redirection(ctx.client, &ctx.server.replication, writes) {
        Some(error) => Err(CommandError::text(error)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::machine::Flow;
    use crate::engine::client::ClientFlags;
    use crate::seams::host::PrimaryAddress;
    use crate::testing::TestEngine;

    const REDIRECT: &str = "-REDIRECT tug:7000";

    fn follow(t: &mut TestEngine) {
        let address = PrimaryAddress {
            host: "tug".to_owned(),
            port: 7000,
        };
        t.engine.server.become_replica_of(address);
    }

    #[test]
    fn who_can_be_redirected_is() {
        let mut t = TestEngine::new();
        assert_eq!(t.run("client capa unheard-of"), "+OK");
        follow(&mut t);
        assert_eq!(t.run("get a"), "$-1");
        assert_eq!(t.run("client capa Redirect"), "+OK");
        for (line, reply) in [
            ("get a", REDIRECT),
            ("keys *", REDIRECT),
            ("set a b", REDIRECT),
            ("set a", "-ERR wrong number of arguments for 'set' command"),
            ("ping", "+PONG"),
            ("publish a b", ":0"),
            ("readonly", "+OK"),
            ("get a", "$-1"),
            ("set a b", REDIRECT),
            ("readwrite", "+OK"),
            ("get a", REDIRECT),
            ("readonly", "+OK"),
            ("reset", "+RESET"),
            ("get a", REDIRECT),
            ("multi", "+OK"),
            ("get a", REDIRECT),
            (
                "exec",
                "-EXECABORT Transaction discarded because of previous errors.",
            ),
        ] {
            assert_eq!(t.run(line), reply, "{line}");
        }
        assert_eq!(t.engine.server.stats.errors["REDIRECT"], 7);
        assert!(t.run("client list capa r").contains("id=1 "));
        assert_eq!(t.run("client list not-capa r"), "$0");
        t.engine.server.become_primary();
        assert_eq!(t.run("set a b"), "+OK");
    }

    #[test]
    fn those_who_wait_and_queue_go_along_when_the_role_changes() {
        let mut t = TestEngine::new();
        let [told, stays, plain] = [(); 3].map(|()| t.connect());
        t.run_as(told, "client capa redirect");
        t.run_as(told, "blpop l 0");
        t.run_as(stays, "client capa redirect");
        t.run_as(stays, "readonly");
        t.run_as(stays, "multi");
        t.run_as(stays, "get a");
        t.run_as(plain, "blpop l 0");
        t.run("client capa redirect");
        t.run("multi");
        t.run("set a b");
        follow(&mut t);
        assert_eq!(t.output(told), REDIRECT);
        let mut out = Vec::new();
        assert_eq!(t.engine.take_output(told, &mut out), Flow::Continue);
        assert!(t.output(plain).starts_with("-UNBLOCKED"));
        assert_eq!(t.run("exec"), REDIRECT);
        assert_eq!(t.run("exec"), "-ERR EXEC without MULTI");
        assert_eq!(t.run_as(stays, "exec"), "*1 $-1");
        let client = t.engine.server.clients.get(told).expect("it stays");
        assert!(!client.flags.contains(ClientFlags::CLOSE_AFTER_REPLY));
    }
}
