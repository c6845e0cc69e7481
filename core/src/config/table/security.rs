//! Who may do what.

use crate::config::directive::{Directive, LONG, boolean, choice, int, text};

pub(super) const ROWS: &[Directive] = &[
    choice(
        "acl-pubsub-default",
        "resetchannels",
        &["allchannels", "resetchannels"],
    )
    .refused(),
    text("aclfile", "").immutable().refused(),
    int("acllog-max-len", 128, 0, LONG).cosmetic(),
    choice("enable-debug-command", "no", &["no", "yes", "local"]).immutable(),
    // It permits a command that is not there, which takes nothing from anybody.
    choice("enable-module-command", "no", &["no", "yes", "local"])
        .immutable()
        .cosmetic(),
    choice("enable-protected-configs", "no", &["no", "yes", "local"]).immutable(),
    boolean("hide-user-data-from-log", true).cosmetic(),
    boolean("protected-mode", true),
    text("requirepass", "").sensitive(),
];
