//! The unix socket: `unixsocket`, `unixsocketgroup` and `unixsocketperm`.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::UnixListener;
use std::path::Path;

use nix::unistd::Group;
use towline_core::config::UnixSocketSettings;

/// Binds a socket at `path`, where one that was left there goes.
///
/// # Errors
/// A text for the operator.
pub(crate) fn bind(path: &Path, settings: &UnixSocketSettings) -> Result<UnixListener, String> {
    let refused = |what: String| format!("Failed opening Unix socket: {what}");
    let failed = |error: io::Error| refused(format!("bind: {}: {error}", path.display()));
    let group = group_id(&settings.group).map_err(refused)?;
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let listener = UnixListener::bind(path).map_err(failed)?;
    // A change of the group may take bits of the mode away: the mode comes last.
    if group.is_some() {
        let failed = |error| refused(format!("chown: {}: {error}", path.display()));
        chown(path, None, group).map_err(failed)?;
    }
    if settings.mode != 0 {
        let mode = Permissions::from_mode(settings.mode);
        std::fs::set_permissions(path, mode).map_err(failed)?;
    }
    listener.set_nonblocking(true).map_err(failed)?;
    Ok(listener)
}

/// The number of the group of this name; none where the name is empty.
fn group_id(name: &[u8]) -> Result<Option<u32>, String> {
    if name.is_empty() {
        return Ok(None);
    }
    let name = String::from_utf8_lossy(name);
    match Group::from_name(&name) {
        Ok(Some(group)) => Ok(Some(group.gid.as_raw())),
        Ok(None) => Err(format!("there is no group '{name}'")),
        Err(error) => Err(format!("the group '{name}' cannot be looked up: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;
    use std::path::PathBuf;

    use nix::unistd::{Gid, getgroups};
    use towline_core::config::Config;

    use super::*;

    fn settings(group: &str) -> UnixSocketSettings {
        let mut config = Config::new();
        config.follow("unixsocketgroup", group.as_bytes());
        config.follow("unixsocketperm", b"770");
        config.unixsocket.clone()
    }

    fn socket(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("towline-{name}-{}.sock", std::process::id()))
    }

    /// A group that this process may give a file to; only root has one that is not its own.
    fn group() -> Group {
        let known = |gid| Group::from_gid(gid).expect("groups can be looked up");
        if Gid::effective().as_raw() == 0
            && let Some(other) = known(Gid::from_raw(1))
        {
            return other;
        }
        let own = getgroups().expect("a process has groups");
        let mut named = own.into_iter().filter_map(known);
        named.next_back().expect("one of them has a name")
    }

    #[test]
    fn the_socket_is_of_the_group_that_is_named() {
        let (path, group) = (socket("group"), group());
        let _listener = bind(&path, &settings(&group.name)).expect("it can be bound");
        let found = std::fs::metadata(&path).expect("it is there");
        assert_eq!(found.gid(), group.gid.as_raw());
        assert_eq!(found.mode() & 0o777, 0o770);
        std::fs::remove_file(path).expect("it is there");
    }

    #[test]
    fn a_group_that_is_not_there_is_an_error() {
        let path = socket("no-group");
        let error = bind(&path, &settings("no such group")).expect_err("no group");
        assert_eq!(
            error,
            "Failed opening Unix socket: there is no group 'no such group'"
        );
        assert!(!path.exists(), "nobody may come in");
    }
}
