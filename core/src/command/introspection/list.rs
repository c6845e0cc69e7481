//! COMMAND LIST [FILTERBY MODULE name | ACLCAT category | PATTERN glob].

use super::command::all;
use crate::command::{Acl, CommandError, CommandResult, CommandSpec, Ctx};
use crate::text::glob::{Case, matches};

/// Which names are listed.
enum Filter<'a> {
    Everything,
    /// An unknown module or category has no commands.
    Nothing,
    Category(Acl),
    Pattern(&'a [u8]),
}

impl<'a> Filter<'a> {
    fn parse(args: &[&'a [u8]]) -> CommandResult<Filter<'a>> {
        let (kind, value) = match *args {
            [] => return Ok(Filter::Everything),
            [filterby, kind, value] if filterby.eq_ignore_ascii_case(b"filterby") => (kind, value),
            _ => return Err(CommandError::Syntax),
        };
        match kind.to_ascii_lowercase().as_slice() {
            b"module" => Ok(Filter::Nothing),
            b"aclcat" => Ok(Acl::by_name(value).map_or(Filter::Nothing, Filter::Category)),
            b"pattern" => Ok(Filter::Pattern(value)),
            _ => Err(CommandError::Syntax),
        }
    }

    fn holds(&self, row: &CommandSpec) -> bool {
        match self {
            Filter::Everything => true,
            Filter::Nothing => false,
            Filter::Category(category) => row.acl_categories().contains(*category),
            Filter::Pattern(glob) => matches(glob, row.name.as_bytes(), Case::Insensitive),
        }
    }
}

/// Subcommands are listed like commands.
pub(super) fn command_list(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let filter = Filter::parse(&args[2..])?;
    let commands = all(&ctx.server.table);
    let rows = commands
        .into_iter()
        .flat_map(|row| std::iter::once(row).chain(row.subcommands));
    let names: Vec<&str> = rows
        .filter(|row| filter.holds(row))
        .map(|row| row.name)
        .collect();
    ctx.reply.array(names.len());
    for name in names {
        ctx.reply.bulk(name.as_bytes());
    }
    Ok(())
}
