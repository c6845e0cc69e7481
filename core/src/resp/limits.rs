//! Every bound on what a peer may send.

/// Longest inline command, and longest header line, in bytes without its end.
pub const INLINE_MAX_BYTES: usize = 64 * 1024;

/// Most arguments of one command. They cost nothing before they arrive, so the
/// header alone cannot make the server allocate; how many arrive is bounded by
/// the caller's limit on its buffer (`client-query-buffer-limit`).
pub const MULTIBULK_MAX_ARGS: i64 = i32::MAX as i64;

/// Most arguments of a command from a client that has not authenticated.
pub const UNAUTHENTICATED_MAX_ARGS: i64 = 10;

/// Longest argument of a client that has not authenticated.
pub const UNAUTHENTICATED_MAX_BULK_BYTES: i64 = 16 * 1024;

/// `proto-max-bulk-len` where nothing else is configured.
pub const DEFAULT_MAX_BULK_BYTES: u64 = 512 * 1024 * 1024;

/// Most argument ranges kept allocated between two commands.
pub(super) const KEPT_ARGS: usize = 1024;

/// The limits that depend on the connection, handed in with every call because
/// AUTH and CONFIG SET change them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestLimits {
    /// `proto-max-bulk-len`: longest argument in bytes.
    pub max_bulk_bytes: u64,
    /// False while the client must still authenticate. A batch must then be
    /// parsed and run command by command, so that what follows AUTH is judged
    /// by its outcome.
    pub authenticated: bool,
}

impl Default for RequestLimits {
    fn default() -> Self {
        Self {
            max_bulk_bytes: DEFAULT_MAX_BULK_BYTES,
            authenticated: true,
        }
    }
}

impl RequestLimits {
    /// A primary's stream: its arguments passed the primary's own limit, which
    /// may be larger than ours.
    pub fn replication_stream() -> Self {
        Self {
            max_bulk_bytes: u64::MAX,
            authenticated: true,
        }
    }
}
