//! A server that speaks S3: moto's, fetched first where it is missing.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Child, Command, Stdio};

use crate::server::free_port;
use crate::{paths, wait};

/// The one bucket that it has.
pub const BUCKET: &str = "towline";

/// An S3 server with an empty bucket, killed when it goes out of scope.
#[derive(Debug)]
pub struct S3Server {
    child: Child,
    port: u16,
}

impl S3Server {
    /// Starts it.
    ///
    /// # Panics
    /// When it does not answer.
    pub fn new() -> Self {
        let port = free_port();
        let child = Command::new(paths::s3_server())
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let server = Self {
            child: child.expect("it starts"),
            port,
        };
        wait::until("the S3 server has a bucket", || server.make_bucket());
        server
    }

    fn make_bucket(&self) -> bool {
        let Ok(mut link) = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)) else {
            return false;
        };
        let request = format!(
            "PUT /{BUCKET} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        let mut answer = String::new();
        let asked = link.write_all(request.as_bytes());
        let answered = asked.and_then(|()| link.read_to_string(&mut answer));
        answered.is_ok() && answer.contains(" 200 ")
    }

    /// What a client has to know: settings by the names of the environment.
    pub fn settings(&self) -> [(&'static str, String); 5] {
        [
            (
                "AWS_ENDPOINT_URL",
                format!("http://127.0.0.1:{}", self.port),
            ),
            ("AWS_ALLOW_HTTP", "true".to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "tests".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "no secret".to_owned()),
        ]
    }

    /// Ends it.
    pub fn end(self) {}
}

impl Default for S3Server {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        // It may have been ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
