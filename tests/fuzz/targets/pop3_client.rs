//! An old server may say anything, cut anywhere: our side of the session takes it octet by octet as it takes it
//! whole, holds no more than its bounds, and after an end hears nothing more. What a relayed session makes of
//! the same octets does not depend on the cut either.
#![no_main]

use libfuzzer_sys::fuzz_target;
use restante::limits;
use restante::mail::{Password, UserName};
use restante::pop3::client::{Request, Session, Step, TlsWish};
use restante::pop3::relay::Relayed;

/// What is asked, in turn, once we are let in.
const ASKED: [Request; 6] =
    [Request::Uidl, Request::List, Request::Retr(1), Request::Header(2), Request::Dele(1), Request::Quit];

/// All that a session does, in words, and the text of the messages.
fn play(wish: TlsWish, ahead: usize, server: &[u8], cut: usize) -> (Vec<String>, Vec<u8>) {
    let (user, password) = (UserName::parse("anna").unwrap(), Password::new("secret").unwrap());
    let mut session = Session::new(user, password, wish, false);
    let (mut told, mut text, mut asked) = (Vec::new(), Vec::new(), ASKED.into_iter());
    let mut ask = |session: &mut Session| {
        while session.waiting() <= ahead {
            let Some(request) = asked.next() else { break };
            let _line = session.ask(request);
        }
    };
    for piece in server.chunks(cut) {
        let mut rest = piece;
        while !rest.is_empty() {
            let (used, step) = session.take(rest, &mut text);
            assert!(used > 0 && used <= rest.len(), "{used} of {}", rest.len());
            rest = &rest[used..];
            match step {
                Step::Read => assert!(rest.is_empty(), "octets that nobody took"),
                Step::Say(line) => {
                    assert!(
                        line.octets().ends_with(b"\r\n") && line.octets().len() <= limits::POP3_COMMAND_MAX
                    );
                    told.push("say".to_owned());
                }
                Step::StartTls => {
                    told.push("tls".to_owned());
                    assert!(session.secured().is_some());
                }
                Step::LoggedIn => ask(&mut session),
                Step::Answered(request, answer) => {
                    told.push(format!("{request:?} {answer:?}"));
                    ask(&mut session);
                }
                Step::Failed(failure) => {
                    let words = failure.to_string();
                    assert!(!words.chars().any(char::is_control) && !words.contains("secret"), "{words:?}");
                    told.push(words);
                    return (told, text);
                }
            }
        }
    }
    (told, text)
}

/// What is known of a relayed session after these octets of both sides.
fn relayed(said: &[u8], answered: &[u8], cut: usize) -> (Vec<u32>, usize, [bool; 3], usize) {
    let mut relayed = Relayed::default();
    said.chunks(cut).for_each(|octets| relayed.said(octets));
    answered.chunks(cut).for_each(|octets| relayed.answered(octets));
    let flags = [relayed.is_between(), relayed.has_quit(), relayed.is_over()];
    (relayed.deleted().collect(), relayed.retrieved(), flags, relayed.waiting())
}

fuzz_target!(|data: &[u8]| {
    let [wish, cut, octets @ ..] = data else { return };
    let ahead = usize::from(wish / 3 % 4);
    let wish = [TlsWish::Required, TlsWish::IfOffered, TlsWish::Never][usize::from(wish % 3)];
    let cut = usize::from(*cut) + 1;
    if wish == TlsWish::Never || !octets.windows(4).any(|word| word.eq_ignore_ascii_case(b"STLS")) {
        assert_eq!(play(wish, ahead, octets, usize::MAX), play(wish, ahead, octets, cut));
    } else {
        // Octets behind the answer to STLS are thrown away as far as they came with it: the cut matters.
        play(wish, ahead, octets, cut);
    }
    let middle = octets.iter().position(|octet| *octet == 0).unwrap_or(octets.len() / 2);
    let (said, answered) = octets.split_at(middle);
    assert_eq!(relayed(said, answered, usize::MAX), relayed(said, answered, cut));
});
