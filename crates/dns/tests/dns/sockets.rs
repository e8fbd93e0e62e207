use std::time::Duration;

use dns::{ProbeError, probe};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use crate::bench::{Bench, MAIL};

const WAIT: Duration = Duration::from_millis(300);

/// A question for `a.test A`, whatever the server thinks of it.
fn question(id: u16) -> Vec<u8> {
    let mut bytes = id.to_be_bytes().to_vec();
    bytes.extend_from_slice(&[
        0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, b'a', 4, b't', b'e', b's', b't', 0, 0, 1, 0, 1,
    ]);
    bytes
}

#[tokio::test]
async fn a_probe_finds_the_four_services_or_says_what_it_found() {
    let bench = Bench::start().await;
    let found = probe(bench.address, MAIL, WAIT).await.unwrap();
    let ports: Vec<u16> = found.iter().map(|service| service.port).collect();
    assert_eq!(ports, [1143, 1993, 1587, 1465]);
    assert!(found.iter().all(|service| service.host.ends_with(MAIL)));
    let foreign = probe(bench.address, "example.org", WAIT).await.unwrap_err();
    assert!(matches!(&foreign, ProbeError::NoService { records: 0, .. }), "{foreign}");
    let guard = bench.server.arm(MAIL, dns::Fault::Silent, None).unwrap();
    assert!(matches!(probe(bench.address, MAIL, WAIT).await, Err(ProbeError::Silence)));
    drop(guard);
    let _guard = bench.server.arm(MAIL, dns::Fault::WrongId, None).unwrap();
    assert!(matches!(probe(bench.address, MAIL, WAIT).await, Err(ProbeError::Garbled)));
}

#[tokio::test]
async fn octets_that_are_no_question_are_told_and_do_no_harm() {
    let bench = Bench::start().await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(bench.address).await.unwrap();
    socket.send(b"hello").await.unwrap();
    socket.send(&[0; 0]).await.unwrap();
    let mut two = question(7);
    two[5] = 2;
    socket.send(&two).await.unwrap();
    let mut answer = [0; 600];
    let length = timeout(WAIT, socket.recv(&mut answer)).await.unwrap().unwrap();
    assert_eq!((length, &answer[..2], answer[3] & 0x0F), (12, &[0, 7][..], 1), "FORMERR");
    let facts = bench.facts().await;
    assert!(facts.contains(&"violation 5 octets are no DNS message".to_owned()), "{facts:?}");
    assert!(facts.contains(&"violation 2 questions instead of one".to_owned()), "{facts:?}");
}

#[tokio::test]
async fn one_tcp_connection_takes_several_questions_even_in_pieces() {
    let bench = Bench::start().await;
    let mut stream = TcpStream::connect(bench.address).await.unwrap();
    for id in [1, 2] {
        let question = question(id);
        stream.write_u16(u16::try_from(question.len()).unwrap()).await.unwrap();
        let (first, rest) = question.split_at(5);
        stream.write_all(first).await.unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
        stream.write_all(rest).await.unwrap();
        let length = stream.read_u16().await.unwrap();
        let mut answer = vec![0; usize::from(length)];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!((&answer[..2], answer[3] & 0x0F), (&id.to_be_bytes()[..], 5), "REFUSED: not our zone");
    }
    stream.write_u16(60_000).await.unwrap();
    assert_eq!(stream.read(&mut [0; 10]).await.unwrap(), 0, "closed");
    let facts = bench.facts().await;
    let closed: Vec<_> = facts.iter().filter(|fact| fact.starts_with("closed")).collect();
    assert_eq!(closed, ["closed refused"], "one connection of the journal: {facts:?}");
}

#[tokio::test]
async fn a_flood_is_dropped_and_said_once() {
    let bench = Bench::with(crate::bench::plan(), |server| server.with_rate(20)).await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(bench.address).await.unwrap();
    for id in 0..60 {
        socket.send(&question(id)).await.unwrap();
    }
    let mut answers = 0;
    while timeout(WAIT, socket.recv(&mut [0; 600])).await.is_ok() {
        answers += 1;
    }
    // The second may turn over while they are sent.
    assert!((20..=40).contains(&answers), "{answers}");
    let facts = bench.facts().await;
    let told = facts.iter().filter(|fact| fact.contains("more than 20 questions a second")).count();
    assert!((1..=2).contains(&told), "{facts:?}");
}
