//! A name server, as far as a test needs one: what it answers is written byte by byte, as RFC 1035 has it.

use std::net::{IpAddr, UdpSocket};

const CNAME: u16 = 5;

/// What is answered to a question.
pub enum Answer {
    /// The name is another one; the answers behind this one are about that.
    Alias(&'static str),
    /// An address, of a name that is told by where it stands in the message.
    Address(IpAddr),
    /// An address, of a name that is written out.
    Spelt(IpAddr),
}

/// An answer to the question for `name` with this code; 0 is well, 3 that there is no such name.
pub fn message(name: &str, answers: &[Answer], code: u8) -> Vec<u8> {
    let v6 =
        answers.iter().any(|answer| matches!(answer, Answer::Address(IpAddr::V6(_)) | Answer::Spelt(IpAddr::V6(_))));
    let mut message = vec![0x12, 0x34, 0x81, 0x80 | code, 0, 1, 0, answers.len() as u8, 0, 0, 0, 0];
    message.extend(labels(name));
    message.extend([0, if v6 { 28 } else { 1 }, 0, 1]);
    let (mut owner, mut spelt) = (12u16, name);
    for answer in answers {
        let (kind, data) = match answer {
            Answer::Alias(other) => (CNAME, labels(other)),
            Answer::Address(address) | Answer::Spelt(address) => match address {
                IpAddr::V4(v4) => (1u16, v4.octets().to_vec()),
                IpAddr::V6(v6) => (28, v6.octets().to_vec()),
            },
        };
        match answer {
            Answer::Spelt(_) => message.extend(labels(spelt)),
            _ => message.extend((0xc000 | owner).to_be_bytes()),
        }
        message.extend(kind.to_be_bytes());
        message.extend([0, 1, 0, 0, 0, 60]);
        message.extend((data.len() as u16).to_be_bytes());
        if let Answer::Alias(other) = answer {
            (owner, spelt) = (message.len() as u16, other);
        }
        message.extend(data);
    }
    message
}

fn labels(name: &str) -> Vec<u8> {
    let mut bytes: Vec<u8> =
        name.split('.').flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat()).collect();
    bytes.push(0);
    bytes
}

/// A server's socket, and that of a resolver that is connected to it.
pub fn pair(address: &str) -> (UdpSocket, UdpSocket) {
    let server = UdpSocket::bind((address, 53)).expect("nobody else is a name server here");
    let resolver = UdpSocket::bind((address, 0)).expect("a socket");
    resolver.connect((address, 53)).expect("connected");
    (server, resolver)
}

/// Has the server send this, and the resolver take it.
pub fn answer((server, resolver): &(UdpSocket, UdpSocket), message: &[u8]) {
    let to = resolver.local_addr().expect("an address");
    assert_eq!(server.send_to(message, to).expect("sent"), message.len());
    assert_eq!(resolver.recv(&mut [0; 2048]).expect("an answer"), message.len());
}
