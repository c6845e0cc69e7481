use super::*;
use crate::resp::limits;
use proptest::prelude::*;

/// What a session sees: each command's arguments and size, then an error.
type Seen = (Vec<(Vec<Vec<u8>>, usize)>, Option<ProtocolError>);

/// Feeds `input` in pieces that end at `cuts`, as a connection would.
fn feed(input: &[u8], cuts: &[usize], limits: RequestLimits) -> Seen {
    let mut parser = RequestParser::new();
    let (mut buf, mut seen) = (Vec::new(), Vec::new());
    let mut from = 0;
    for to in cuts.iter().copied().chain([input.len()]) {
        buf.extend_from_slice(&input[from..to.max(from)]);
        from = from.max(to);
        loop {
            let parsed = match parser.parse(&mut buf, limits) {
                Ok(parsed) => parsed,
                Err(error) => return (seen, Some(error)),
            };
            let Parsed::Complete { consumed } = parsed else {
                assert!(parser.args().is_empty());
                break;
            };
            let args = parser.args().iter().map(|arg| arg.of(&buf).to_vec());
            seen.push((args.collect(), consumed));
            buf.drain(..consumed);
        }
    }
    (seen, None)
}

fn commands(input: &[u8]) -> Vec<Vec<Vec<u8>>> {
    let (seen, error) = feed(input, &[], RequestLimits::default());
    assert_eq!(error, None);
    assert_eq!(
        seen.iter().map(|(_, size)| size).sum::<usize>(),
        input.len()
    );
    seen.into_iter().map(|(args, _)| args).collect()
}

fn error(input: &[u8]) -> String {
    error_within(input, RequestLimits::default())
}

fn error_within(input: &[u8], limits: RequestLimits) -> String {
    let (_, error) = feed(input, &[], limits);
    let message = error.expect("the input is wrong").message();
    String::from_utf8(message).expect("these errors are text")
}

#[test]
fn arrays_of_bulk_strings() {
    assert_eq!(
        commands(b"*2\r\n$3\r\nGET\r\n$4\r\na\r\nb\r\n*1\r\n$0\r\n\r\n"),
        [vec![b"GET".to_vec(), b"a\r\nb".to_vec()], vec![vec![]]]
    );
}

#[test]
fn requests_for_nothing() {
    assert_eq!(
        commands(b"\r\n\n*0\r\n*-1\r\n*-10\r\n  \r\n"),
        vec![Vec::<Vec<u8>>::new(); 6]
    );
}

#[test]
fn inline_commands() {
    assert_eq!(
        commands(b"PING\r\nset k \"a \\x41\"\nget k\r\n"),
        [
            vec![b"PING".to_vec()],
            vec![b"set".to_vec(), b"k".to_vec(), b"a A".to_vec()],
            vec![b"get".to_vec(), b"k".to_vec()],
        ]
    );
}

#[test]
fn a_line_with_a_nul_never_ends() {
    let limits = RequestLimits::default();
    assert_eq!(
        feed(b"PING\0x\r\nPING\r\n", &[3, 6], limits),
        (vec![], None)
    );
    let mut endless = b"\0".to_vec();
    endless.extend_from_slice(&b"PING\r\n".repeat(20_000));
    let (seen, error) = feed(&endless, &[], limits);
    assert_eq!((seen.len(), error), (0, Some(ProtocolError::InlineTooBig)));
}

#[test]
fn an_incomplete_command_says_how_much_is_missing() {
    let mut parser = RequestParser::new();
    let mut buf = b"*1\r\n$100\r\nab".to_vec();
    let parsed = parser.parse(&mut buf, RequestLimits::default());
    assert_eq!(parsed, Ok(Parsed::Incomplete { missing: 100 }));
    assert!(!parser.is_idle());
}

#[test]
fn errors_have_the_text_of_redis() {
    assert_eq!(
        error(b"*3000000000\r\n"),
        "ERR Protocol error: invalid multibulk length"
    );
    assert_eq!(
        error(b"*x\r\n"),
        "ERR Protocol error: invalid multibulk length"
    );
    assert_eq!(
        error(b"*\r\n"),
        "ERR Protocol error: invalid multibulk length"
    );
    assert_eq!(
        error(b"*1\r\n$-1\r\n"),
        "ERR Protocol error: invalid bulk length"
    );
    assert_eq!(
        error(b"*1\r\n$2147483648\r\n"),
        "ERR Protocol error: invalid bulk length"
    );
    assert_eq!(
        error(b"*1\r\nfoo\r\n"),
        "ERR Protocol error: expected '$', got 'f'"
    );
    assert_eq!(
        error(b"a \"b\r\n"),
        "ERR Protocol error: unbalanced quotes in request"
    );
    let long = |start: &str| {
        let mut input = start.as_bytes().to_vec();
        input.resize(start.len() + limits::INLINE_MAX_BYTES, b'1');
        input
    };
    assert_eq!(
        error(&long("a")),
        "ERR Protocol error: too big inline request"
    );
    assert_eq!(
        error(&long("*1")),
        "ERR Protocol error: too big mbulk count string"
    );
    assert_eq!(
        error(&long("*1\r\n$")),
        "ERR Protocol error: too big bulk count string"
    );
}

#[test]
fn the_byte_in_the_way_is_quoted_as_it_is() {
    let message = ProtocolError::ExpectedDollar(0xff).message();
    assert_eq!(message, b"ERR Protocol error: expected '$', got '\xff'");
    assert_eq!(
        ProtocolError::ExpectedDollar(0xff).to_string(),
        "ERR Protocol error: expected '$', got '\\xff'"
    );
}

#[test]
fn strangers_are_kept_short() {
    let stranger = RequestLimits {
        authenticated: false,
        ..RequestLimits::default()
    };
    assert_eq!(
        error_within(b"*11\r\n", stranger),
        "ERR Protocol error: unauthenticated multibulk length"
    );
    assert_eq!(
        error_within(b"*1\r\n$16385\r\n", stranger),
        "ERR Protocol error: unauthenticated bulk length"
    );
    assert_eq!(feed(b"*10\r\n$16384\r\n", &[], stranger), (vec![], None));
}

#[test]
fn a_lying_header_allocates_next_to_nothing() {
    let mut parser = RequestParser::new();
    let mut buf = b"*2147483647\r\n$536870912\r\n".to_vec();
    let parsed = parser.parse(&mut buf, RequestLimits::default());
    assert_eq!(
        parsed,
        Ok(Parsed::Incomplete {
            missing: 536_870_914
        })
    );
    assert!(parser.args.capacity() <= 2 * limits::KEPT_ARGS);
}

#[test]
fn the_stream_of_a_primary_has_no_bulk_limit() {
    let limits = RequestLimits::replication_stream();
    let (seen, error) = feed(b"*1\r\n$3000000000\r\nabc", &[], limits);
    assert_eq!((seen.len(), error), (0, None));
    let (_, error) = feed(b"*1\r\n$9223372036854775807\r\n", &[], limits);
    assert_eq!(error, Some(ProtocolError::InvalidBulkLength));
}

#[test]
fn room_for_many_arguments_is_given_back() {
    let mut input = b"*5000\r\n".to_vec();
    input.extend_from_slice(&b"$1\r\na\r\n".repeat(5000));
    let mut parser = RequestParser::new();
    let consumed = input.len();
    let parsed = parser.parse(&mut input, RequestLimits::default());
    assert_eq!(parsed, Ok(Parsed::Complete { consumed }));
    assert_eq!(parser.args().len(), 5000);
    assert!(matches!(
        parser.parse(&mut b"PING\r\n".to_vec(), RequestLimits::default()),
        Ok(Parsed::Complete { consumed: 6 })
    ));
    assert!(parser.args.capacity() < 5000);
}

fn requests() -> impl Strategy<Value = Vec<u8>> {
    let array = prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..5);
    let array = array.prop_map(|args| {
        let mut out = format!("*{}\r\n", args.len()).into_bytes();
        for arg in args {
            out.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
            out.extend_from_slice(&arg);
            out.extend_from_slice(b"\r\n");
        }
        out
    });
    let line = "[a-z\"' \\\\]{0,12}\r?\n".prop_map(String::into_bytes);
    let noise = prop::collection::vec(
        prop::sample::select(b"*$\r\n0123456789-ab\"'\\ \0\xff".to_vec()),
        0..12,
    );
    let one = prop_oneof![6 => array, 3 => line, 1 => noise];
    prop::collection::vec(one, 0..6).prop_map(|all| all.concat())
}

#[test]
fn what_stands_before_a_large_argument_is_known_while_it_arrives() {
    let start_of = |len: usize| {
        let mut parser = RequestParser::new();
        let mut input = format!("*2\r\n$3\r\nget\r\n${len}\r\nk").into_bytes();
        let parsed = parser.parse(&mut input, RequestLimits::default());
        assert!(matches!(parsed, Ok(Parsed::Incomplete { .. })));
        assert_eq!(input.last(), Some(&b'k'));
        (parser.large_argument_start(), input.len() - 1)
    };
    let (start, place) = start_of(32 * 1024);
    assert_eq!(start, place);
    assert_eq!(start_of(32 * 1024 - 1).0, 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn how_the_input_is_cut_makes_no_difference(
        input in requests(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..10),
        authenticated: bool,
    ) {
        let limits = RequestLimits { max_bulk_bytes: 1000, authenticated };
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(input.len() + 1)).collect();
        cuts.sort_unstable();
        let bytewise: Vec<usize> = (0..input.len()).collect();
        let whole = feed(&input, &[], limits);
        prop_assert_eq!(&feed(&input, &cuts, limits), &whole);
        prop_assert_eq!(&feed(&input, &bytewise, limits), &whole);
    }

    #[test]
    fn any_bytes_are_answered(input: Vec<u8>) {
        feed(&input, &[], RequestLimits::default());
    }
}
