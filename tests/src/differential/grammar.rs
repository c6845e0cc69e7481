//! The arguments of commands, as a live server's COMMAND DOCS describes them.

use crate::resp::{Client, Value};

/// What an argument is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text, or anything that is written as text.
    Text,
    /// A whole number.
    Integer,
    /// A number with a fraction.
    Double,
    /// A key.
    Key,
    /// A glob-style pattern.
    Pattern,
    /// A moment.
    UnixTime,
    /// The token alone.
    Token,
    /// One of the parts.
    OneOf,
    /// All of the parts.
    Block,
}

/// An argument.
#[derive(Debug, Clone)]
pub struct Argument {
    /// Its name in the documentation.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// The word before it.
    pub token: Option<String>,
    /// The version that brought it.
    pub since: Version,
    /// It may be left out.
    pub optional: bool,
    /// It may be repeated.
    pub multiple: bool,
    /// The word is repeated with it.
    pub multiple_token: bool,
    /// What a block or a choice consists of.
    pub parts: Vec<Argument>,
}

/// Major, minor, patch.
pub type Version = (u32, u32, u32);

/// A command, or a subcommand under its full name.
#[derive(Debug, Clone)]
pub struct Command {
    /// The words it is called by.
    pub words: Vec<String>,
    /// The group it is documented in.
    pub group: String,
    /// The version that brought it.
    pub since: Version,
    /// What it takes.
    pub arguments: Vec<Argument>,
}

impl Command {
    /// The full name, with a bar before a subcommand.
    pub fn name(&self) -> String {
        self.words.join("|")
    }
}

/// All commands of a server.
#[derive(Debug, Clone)]
pub struct Grammar {
    /// The commands that can be called.
    pub commands: Vec<Command>,
}

impl Grammar {
    /// Asks a server.
    ///
    /// # Panics
    /// When it does not answer as COMMAND DOCS does.
    pub fn of(client: &mut Client) -> Self {
        let mut commands = Vec::new();
        collect(&client.ok("COMMAND DOCS"), &mut commands);
        commands.sort_by(|a: &Command, b| a.words.cmp(&b.words));
        Self { commands }
    }
}

fn collect(docs: &Value, commands: &mut Vec<Command>) {
    for pair in docs.items().chunks(2) {
        let doc = &pair[1];
        if let Some(subcommands) = field(doc, "subcommands") {
            collect(subcommands, commands);
            continue;
        }
        commands.push(Command {
            words: pair[0].text().split('|').map(str::to_owned).collect(),
            group: field(doc, "group").map_or_else(String::new, Value::text),
            since: version(field(doc, "since")),
            arguments: arguments(field(doc, "arguments")),
        });
    }
}

fn arguments(list: Option<&Value>) -> Vec<Argument> {
    list.map_or_else(Vec::new, |list| list.items().iter().map(argument).collect())
}

fn argument(doc: &Value) -> Argument {
    let flags = field(doc, "flags").map_or_else(Vec::new, Value::texts);
    let has = |flag: &str| flags.iter().any(|held| held == flag);
    Argument {
        name: field(doc, "name").map_or_else(String::new, Value::text),
        kind: kind(&field(doc, "type").expect("an argument has a type").text()),
        token: field(doc, "token").map(Value::text),
        since: version(field(doc, "since")),
        optional: has("optional"),
        multiple: has("multiple"),
        multiple_token: has("multiple_token"),
        parts: arguments(field(doc, "arguments")),
    }
}

fn kind(name: &str) -> Kind {
    match name {
        "integer" => Kind::Integer,
        "double" => Kind::Double,
        "key" => Kind::Key,
        "pattern" => Kind::Pattern,
        "unix-time" => Kind::UnixTime,
        "pure-token" => Kind::Token,
        "oneof" => Kind::OneOf,
        "block" => Kind::Block,
        _ => Kind::Text,
    }
}

fn field<'a>(doc: &'a Value, name: &str) -> Option<&'a Value> {
    let mut pairs = doc.items().chunks(2);
    pairs
        .find(|pair| pair[0].text() == name)
        .map(|pair| &pair[1])
}

fn version(text: Option<&Value>) -> Version {
    let text = text.map_or_else(String::new, Value::text);
    let mut parts = text.split('.').map(|part| part.parse().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    (next(), next(), next())
}
