//! Client connections: a poller and an executor per I/O thread.
//!
//! ```text
//! listener (smol) ─► io_thread ─► connection task: read all ─► parse all ─►
//!                     ▲ epoll       one batch under the lock ─► write once
//!                     └ waker: other threads wake a connection that has output
//! ```

pub mod connection;
pub mod io_thread;
pub mod poller;
pub mod reactor;
pub mod wakers;
