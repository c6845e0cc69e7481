//! HTTP for `object_store`, on the thread that asks for it.
//!
//! The crate's own client is tokio's. This one is `ureq`, which blocks: every call is on
//! a thread of the pool anyway, and it brings no runtime, no thread and no HTTP/2.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http_body_util::{BodyExt, Full};
use object_store::aws::AmazonS3Builder;
use object_store::client::{
    ClientConfigKey, ClientOptions, HttpClient, HttpConnector, HttpError, HttpErrorKind,
    HttpRequest, HttpResponse, HttpResponseBody, HttpService,
};
use object_store::{ObjectStore, RetryConfig};

/// A server that does not take a connection for so long is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// One request may take so long, its body included.
const CALL_TIMEOUT: Duration = Duration::from_secs(120);
/// What fails for a reason that may pass is tried again for so long.
const RETRY_TIMEOUT: Duration = Duration::from_secs(30);
const RETRIES_MAX: usize = 5;

/// The store and the prefix that `s3://BUCKET/PREFIX` names, with the environment's
/// settings and those given, which win.
pub(super) fn s3<'a>(
    url: &str,
    settings: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> object_store::Result<(Arc<dyn ObjectStore>, String)> {
    let place = url.strip_prefix("s3://").unwrap_or_default();
    let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
    if bucket.is_empty() {
        return Err(object_store::Error::Generic {
            store: "S3",
            source: "an address is s3://BUCKET/PREFIX".into(),
        });
    }
    let retry = RetryConfig {
        max_retries: RETRIES_MAX,
        retry_timeout: RETRY_TIMEOUT,
        ..RetryConfig::default()
    };
    let mut builder = AmazonS3Builder::from_env();
    for (key, value) in settings {
        builder = builder.with_config(key.parse()?, value);
    }
    let store = builder
        .with_bucket_name(bucket)
        .with_retry(retry)
        .with_http_connector(Connector)
        .build()?;
    Ok((Arc::new(store), prefix.to_owned()))
}

#[derive(Debug)]
struct Connector;

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let allowed = options.get_config_value(&ClientConfigKey::AllowHttp);
        let plain_allowed = allowed.is_some_and(|allowed| allowed.eq_ignore_ascii_case("true"));
        let config = ureq::Agent::config_builder()
            .https_only(!plain_allowed)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_global(Some(CALL_TIMEOUT))
            .build();
        Ok(HttpClient::new(Service(config.new_agent())))
    }
}

#[derive(Debug)]
struct Service(ureq::Agent);

#[async_trait]
impl HttpService for Service {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (parts, body) = request.into_parts();
        let bodiless = body.content_length() == 0
            && matches!(parts.method.as_str(), "GET" | "HEAD" | "DELETE");
        let body = body.collect().await?.to_bytes();
        let answered = match bodiless {
            true => self.0.run(http::Request::from_parts(parts, ())),
            false => self.0.run(http::Request::from_parts(parts, &body[..])),
        };
        let (parts, mut body) = answered.map_err(told)?.into_parts();
        let read = body.with_config().limit(u64::MAX).read_to_vec();
        let body = Full::from(read.map_err(told)?).map_err(|never| match never {});
        Ok(HttpResponse::from_parts(parts, HttpResponseBody::new(body)))
    }
}

/// An error in the words that decide whether a request is tried again.
fn told(error: ureq::Error) -> HttpError {
    let kind = match &error {
        ureq::Error::HostNotFound | ureq::Error::ConnectionFailed => HttpErrorKind::Connect,
        ureq::Error::Timeout(_) => HttpErrorKind::Timeout,
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            HttpErrorKind::Connect
        }
        // The other side went away, as one does that closes what was idle.
        ureq::Error::Io(_) => HttpErrorKind::Interrupted,
        _ => HttpErrorKind::Unknown,
    };
    HttpError::new(kind, error)
}
