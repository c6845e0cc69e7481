//! proc-title-template: a text with variables in braces.

use super::settings::Settings;

/// What may stand in braces.
const VARIABLES: [&str; 7] = [
    "title",
    "listen-addr",
    "server-mode",
    "port",
    "tls-port",
    "unixsocket",
    "config-file",
];

/// The template with its variables replaced by what `value` says of each, without
/// blanks around it; none where a brace is not closed, or has no variable in it.
pub(super) fn expand(template: &str, value: impl Fn(&str) -> String) -> Option<String> {
    let (mut text, mut rest) = (String::new(), template);
    while let Some((before, behind)) = rest.split_once('{') {
        let (variable, after) = behind.split_once('}')?;
        if !VARIABLES.contains(&variable) {
            return None;
        }
        text.push_str(before);
        text.push_str(&value(variable));
        rest = after;
    }
    text.push_str(rest);
    Some(text.trim_matches(' ').to_owned())
}

/// What the title of the process is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessTitle {
    template: String,
    listens_at: String,
    port: u16,
    unix_socket: String,
}

impl ProcessTitle {
    /// What the directives say; none where the process keeps the title that it has.
    #[must_use]
    pub fn of(settings: &Settings) -> Option<Self> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let unix_socket = text(&settings.unixsocket.path);
        let first = settings.bind.first().map_or(&b"*"[..], Vec::as_slice);
        Some(Self {
            template: text(settings.process.title_template.as_deref()?),
            listens_at: match settings.port {
                0 => unix_socket.clone(),
                port => format!("{}:{port}", text(first)),
            },
            port: settings.port,
            unix_socket,
        })
    }

    /// The title of a process that was started as `program` with this file.
    #[must_use]
    pub fn text(&self, program: &str, config_file: &str) -> String {
        let expanded = expand(&self.template, |variable| match variable {
            "title" => program.to_owned(),
            "listen-addr" => self.listens_at.clone(),
            "port" => self.port.to_string(),
            "tls-port" => "0".to_owned(),
            "unixsocket" => self.unix_socket.clone(),
            "config-file" => config_file.to_owned(),
            // server-mode: neither a node of a cluster nor a Sentinel.
            _ => String::new(),
        });
        expanded.expect("the directive takes no other template")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn title(lines: &[(&str, &str)]) -> Option<String> {
        let mut config = Config::default();
        for (name, value) in lines {
            config.follow(name, value.as_bytes());
        }
        let title = ProcessTitle::of(&config)?;
        Some(title.text("prog", "/etc/a.conf"))
    }

    #[test]
    fn the_title_is_what_the_template_makes_of_the_settings() {
        assert_eq!(title(&[]).as_deref(), Some("prog *:6379"));
        let listens = [("bind", "127.0.0.1 ::1"), ("port", "7000")];
        assert_eq!(title(&listens).as_deref(), Some("prog 127.0.0.1:7000"));
        let all = "T {port} {tls-port} [{server-mode}] {unixsocket} {config-file} {title}";
        let unix = [("unixsocket", "/s"), ("proc-title-template", all)];
        let expected = "T 6379 0 [] /s /etc/a.conf prog";
        assert_eq!(title(&unix).as_deref(), Some(expected));
        assert_eq!(title(&[("set-proc-title", "no")]), None);
    }

    #[test]
    fn a_template_that_is_none_is_refused() {
        for wrong in ["{", "{title", "{}", "a {nosuch}"] {
            assert_eq!(expand(wrong, str::to_owned), None, "{wrong}");
        }
        assert_eq!(expand("a}b", str::to_owned).as_deref(), Some("a}b"));
    }
}
