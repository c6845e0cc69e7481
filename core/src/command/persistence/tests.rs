//! What can be refused without a host.

use crate::testing::TestEngine;

#[test]
fn wrong_words_are_refused() {
    let mut t = TestEngine::new();
    assert_eq!(t.run("bgsave soon"), "-ERR syntax error");
    assert_eq!(t.run("shutdown save nosave"), "-ERR syntax error");
    assert_eq!(t.run("shutdown abort now"), "-ERR syntax error");
    assert_eq!(t.run("shutdown abort"), "-ERR No shutdown in progress.");
}

#[test]
fn one_save_at_a_time() {
    let mut t = TestEngine::new();
    t.engine.server.persistence.save_began(t.now_ms, 0);
    assert_eq!(t.run("save"), "-ERR Background save already in progress");
    assert_eq!(t.run("bgsave"), "-ERR Background save already in progress");
    assert_eq!(t.run("bgsave schedule"), "+Background saving scheduled");
    assert!(t.engine.server.persistence.save_scheduled);
}

#[test]
fn a_save_to_come_is_called_off() {
    let mut t = TestEngine::new();
    let idle = "-ERR Background saving is currently not in progress or scheduled";
    assert_eq!(t.run("bgsave cancel"), idle);
    t.engine.server.persistence.save_scheduled = true;
    assert_eq!(
        t.run("bgsave cancel"),
        "+Scheduled background saving cancelled"
    );
    assert!(!t.engine.server.persistence.save_scheduled);
    assert_eq!(t.run("bgsave cancel"), idle);
    assert_eq!(t.run("bgsave cancel now"), "-ERR syntax error");
}
