//! Outputs of `doveconf -n`, of 2.3.19 (Debian 12) and in the words of 2.4.

use super::*;

fn parsed(text: &str) -> Doveconf {
    Doveconf::parse(text, Path::new("/root/doveconf.txt")).unwrap()
}

const OF_2_3: &str = r#"# 2.3.19.1 (9b53102964): /etc/dovecot/dovecot.conf
# OS: Linux 6.1 x86_64 Debian 12.11
mail_location = maildir:/var/vmail/%d/%n/Maildir:CONTROL=/var/control/%u
namespace inbox {
  inbox = yes
  location = 
  mailbox Drafts {
    special_use = \Drafts
    location = mbox:/no
  }
  prefix = 
}
passdb {
  args = scheme=PLAIN /etc/dovecot/users
  driver = passwd-file
}
pop3_uidl_format = %08Xu%08Xv
protocols = " lmtp pop3"
ssl_dh = # hidden, use -P to show it
protocol imap {
  pop3_reuse_xuidl = yes
}
protocol pop3 {
  pop3_reuse_xuidl = yes
  pop3_uidl_duplicates = rename
  pop3_uidl_format = %v.%u
}
"#;

#[test]
fn settings_of_2_3_are_found_and_those_for_pop3_win() {
    let expected = Doveconf {
        mail_location: Some("maildir:/var/vmail/%d/%n/Maildir:CONTROL=/var/control/%u".to_owned()),
        uidl_format: Some(UidlFormat::parse("%v.%u").unwrap()),
        reuse_xuidl: true,
        rename_duplicates: true,
        mbox_md5: None,
    };
    assert_eq!(parsed(OF_2_3), expected);
}

#[test]
fn what_is_not_set_is_dovecots_default() {
    let found = parsed("mail_location = mbox:~/mail:INBOX=/var/mail/%u\nmbox_md5 = all\n");
    assert_eq!(found.mail_location.as_deref(), Some("mbox:~/mail:INBOX=/var/mail/%u"));
    assert_eq!((found.uidl_format, found.reuse_xuidl, found.rename_duplicates), (None, false, false));
    assert_eq!(found.mbox_md5.as_deref(), Some("all"));
}

#[test]
fn an_inbox_may_lie_where_its_namespace_says() {
    let found = parsed(
        "mail_location = maildir:/a\nnamespace inbox {\n  location = maildir:/b/%u\n}\nnamespace x {\n  location = maildir:/c\n}\n",
    );
    assert_eq!(found.mail_location.as_deref(), Some("maildir:/b/%u"));
}

#[test]
fn settings_of_2_4_are_found() {
    let found = parsed(
        "dovecot_config_version = 2.4.0\nmail_driver = maildir\n\
         mail_path = /var/vmail/%{user | domain}/%{user | username | lower}/Maildir\n\
         mail_control_path = /control/%{user}\nmail_inbox_path = %{home}/in\n\
         namespace archive {\n  mail_path = /no\n}\n\
         protocol pop3 {\n  pop3_uidl_format = %{uid | hex(8)}%{uidvalidity | hex(8)}\n}\n",
    );
    let location = "maildir:/var/vmail/%d/%Ln/Maildir:INBOX=%h/in:CONTROL=/control/%u";
    assert_eq!(found.mail_location.as_deref(), Some(location));
    let format = UidlFormat::parse("%{uid | hex(8)}%{uidvalidity | hex(8)}").unwrap();
    assert_eq!(found.uidl_format, Some(format));
    assert_eq!(in_short("/a/%{user | md5}/%{x"), "/a/%{user | md5}/%{x");
}

#[test]
fn what_is_no_output_of_doveconf_is_refused() {
    for text in ["", "hello\n", "mail_location = maildir:~/x\n!include conf.d/*.conf\n"] {
        let refused = Doveconf::parse(text, Path::new("/root/x"));
        assert!(
            matches!(refused, Err(Error::Source { remedy, .. }) if remedy.contains("doveconf -n >")),
            "{text}"
        );
    }
    let missing = Doveconf::load(Path::new("/nowhere/doveconf.txt"));
    assert!(matches!(missing, Err(Error::Source { what, .. }) if what.contains("/nowhere/doveconf.txt")));
    let unknown = Doveconf::parse("pop3_uidl_format = %w\n", Path::new("x"));
    assert!(matches!(unknown, Err(Error::Ask { .. })));
}

#[test]
fn it_is_read_from_a_file() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), OF_2_3).unwrap();
    assert_eq!(Doveconf::load(file.path()).unwrap(), parsed(OF_2_3));
}
