//! TLS.

use crate::config::directive::{Directive, INT, PORT, boolean, choice, int, text};

pub(super) const ROWS: &[Directive] = &[
    choice("tls-auth-clients", "yes", &["no", "yes", "optional"]).refused(),
    choice("tls-auth-clients-user", "off", &["CN", "URI", "off"]).refused(),
    int("tls-auto-reload-interval", 0, 0, INT).cosmetic(),
    text("tls-ca-cert-dir", "").refused(),
    text("tls-ca-cert-file", "").refused(),
    text("tls-cert-file", "").refused(),
    text("tls-ciphers", "").refused(),
    text("tls-ciphersuites", "").refused(),
    text("tls-client-cert-file", "").refused(),
    text("tls-client-key-file", "").refused(),
    text("tls-client-key-file-pass", "").sensitive().refused(),
    boolean("tls-cluster", false).refused(),
    text("tls-dh-params-file", "").refused(),
    text("tls-key-file", "").refused(),
    text("tls-key-file-pass", "").sensitive().refused(),
    int("tls-port", 0, 0, PORT).refused(),
    boolean("tls-prefer-server-ciphers", false).cosmetic(),
    text("tls-protocols", "").refused(),
    boolean("tls-replication", false).refused(),
    int("tls-session-cache-size", 20_480, 0, INT).cosmetic(),
    int("tls-session-cache-timeout", 300, 0, INT).cosmetic(),
    boolean("tls-session-caching", true).cosmetic(),
];
