//! The answer to a container's HELP.

use super::Ctx;

/// One subcommand: how to write it, and what it does.
pub(crate) type HelpRow = (&'static str, &'static str);

/// Answers HELP of `container`: each subcommand, and what it does, indented.
pub(crate) fn help(ctx: &mut Ctx<'_>, container: &str, rows: &[HelpRow]) {
    let own = [("HELP", "Print this help.")];
    ctx.reply.array(1 + 2 * (rows.len() + own.len()));
    ctx.reply.simple(&format!(
        "{container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"
    ));
    for (syntax, text) in rows.iter().chain(&own) {
        ctx.reply.simple(syntax);
        ctx.reply.simple(&format!("    {text}"));
    }
}
