//! A WebSocket client for the tests of the codec: random messages to an echo server.
//!
//!     rust_peer PORT PATH whole|deflate|parts MESSAGES SEED
//!
//! whole, deflate: as the library sends them. parts: frames of its codec, cut anywhere, with pings between.
//! Ends with 0 after every message came back as it was sent, and the peer answered the close frame.
use std::io::{Read, Write};
use std::net::TcpStream;

use futures::executor::block_on;
use futures::io::AllowStdIo;
use soketto::base::{Codec, Header, OpCode};
use soketto::connection::{Error, Sender};
use soketto::extension::deflate::Deflate;
use soketto::handshake::{Client, ServerResponse};
use soketto::{Data, Incoming, Mode, Parsing};

type Stream = AllowStdIo<TcpStream>;

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
    fn below(&mut self, n: u64) -> usize {
        (self.next() % n) as usize
    }
    fn length(&mut self) -> usize {
        match self.below(8) {
            0 => [0, 1, 125, 126, 127, 65535, 65536][self.below(7)],
            1 => self.below(200_000),
            _ => self.below(3000),
        }
    }
    /// Bytes that compress: few different ones.
    fn bytes(&mut self, length: usize) -> Vec<u8> {
        let kinds = 1 + self.below(255) as u64;
        (0..length).map(|_| self.below(kinds) as u8).collect()
    }
    fn text(&mut self, length: usize) -> String {
        let letters = ['a', 'Z', '\u{e4}', '\u{20ac}', '\u{1f600}', '\0'];
        (0..length / 3).map(|_| letters[self.below(letters.len() as u64)]).collect()
    }
}

async fn send(sender: &mut Sender<Stream>, random: &mut Random, number: u32) -> Result<Vec<u8>, Error> {
    let length = random.length();
    if number % 10 == 0 {
        sender.send_ping((&random.bytes(random_small(number))[..]).try_into().expect("at most 125 bytes")).await?;
    }
    let sent = if number % 2 == 0 {
        let text = random.text(length);
        sender.send_text(&text).await?;
        text.into_bytes()
    } else {
        let bytes = random.bytes(length);
        sender.send_binary(&bytes).await?;
        bytes
    };
    sender.flush().await?;
    Ok(sent)
}

fn random_small(number: u32) -> usize {
    (number as usize * 7) % 126
}

type Failure = Box<dyn std::error::Error>;

fn write_frame(stream: &mut TcpStream, random: &mut Random, mut header: Header, mut payload: Vec<u8>) -> Result<(), Failure> {
    header.set_masked(true).set_mask(random.next() as u32).set_payload_len(payload.len());
    Codec::apply_mask(&header, &mut payload);
    let mut bytes = Codec::new().encode_header(&header).to_vec();
    bytes.append(&mut payload);
    let cut = random.below(bytes.len() as u64 + 1);
    stream.write_all(&bytes[..cut])?;
    stream.write_all(&bytes[cut..])?;
    Ok(())
}

fn read_frame(stream: &mut TcpStream, waiting: &mut Vec<u8>) -> Result<(Header, Vec<u8>), Failure> {
    let mut codec = Codec::new();
    codec.set_max_data_size(16 << 20);
    loop {
        if let Parsing::Done { value: header, offset } = codec.decode_header(waiting)? {
            let end = offset + header.payload_len();
            if waiting.len() >= end {
                let payload = waiting[offset..end].to_vec();
                waiting.drain(..end);
                return Ok((header, payload));
            }
        }
        let mut chunk = [0; 65536];
        match stream.read(&mut chunk)? {
            0 => return Err("the connection ended".into()),
            n => waiting.extend_from_slice(&chunk[..n]),
        }
    }
}

/// Messages in 1 to 6 parts, every second time with a ping between two of them.
fn run_parts(mut stream: TcpStream, messages: u32, random: &mut Random) -> Result<(), Failure> {
    let mut waiting = Vec::new();
    for number in 0..messages {
        let length = random.length();
        let kind = if number % 2 == 0 { OpCode::Text } else { OpCode::Binary };
        let sent = if number % 2 == 0 { random.text(length).into_bytes() } else { random.bytes(length) };
        let count = 1 + random.below(6);
        let mut cuts: Vec<usize> = (1..count).map(|_| random.below(sent.len() as u64 + 1)).collect();
        cuts.extend([0, sent.len()]);
        cuts.sort();
        let mut pinged = None;
        for part in 0..count {
            let mut header = Header::new(if part == 0 { kind } else { OpCode::Continue });
            header.set_fin(part + 1 == count);
            write_frame(&mut stream, random, header, sent[cuts[part]..cuts[part + 1]].to_vec())?;
            if pinged.is_none() && part + 1 < count && random.below(2) == 0 {
                pinged = Some(random.bytes(random_small(number)));
                write_frame(&mut stream, random, Header::new(OpCode::Ping), pinged.clone().unwrap())?;
            }
        }
        if let Some(wanted) = pinged {
            let (header, payload) = read_frame(&mut stream, &mut waiting)?;
            if header.opcode() != OpCode::Pong || payload != wanted {
                return Err(format!("message {number}: {header:?} instead of the pong").into());
            }
        }
        let (header, payload) = read_frame(&mut stream, &mut waiting)?;
        if header.opcode() != kind || !header.is_fin() || payload != sent {
            return Err(format!("message {number}: {} bytes in {count} parts came back as {header:?}", sent.len()).into());
        }
    }
    write_frame(&mut stream, random, Header::new(OpCode::Close), vec![0x03, 0xe8])?;
    let (header, payload) = read_frame(&mut stream, &mut waiting)?;
    match (header.opcode(), &payload[..]) {
        (OpCode::Close, [0x03, 0xe8]) => Ok(()),
        other => Err(format!("after the close: {other:?}").into()),
    }
}

async fn run(args: &[String]) -> Result<(), Failure> {
    let stream = TcpStream::connect(("127.0.0.1", args[1].parse()?))?;
    stream.set_read_timeout(Some(std::time::Duration::from_secs(20)))?;
    stream.set_nodelay(true)?;
    let mut client = Client::new(AllowStdIo::new(stream), "localhost", &args[2]);
    let deflate = args[3] == "deflate";
    if deflate {
        client.add_extension(Box::new(Deflate::new(Mode::Client)));
    }
    match client.handshake().await? {
        ServerResponse::Accepted { .. } => (),
        other => return Err(format!("refused: {other:?}").into()),
    }
    let mut random = Random(args[5].parse::<u64>()? | 1);
    let messages = args[4].parse::<u32>()?;
    if args[3] == "parts" {
        return run_parts(client.into_inner().into_inner(), messages, &mut random);
    }
    let mut builder = client.into_builder();
    builder.set_max_message_size(16 << 20);
    let (mut sender, mut receiver) = builder.finish();
    for number in 0..messages {
        let sent = send(&mut sender, &mut random, number).await?;
        let mut got = Vec::new();
        loop {
            match receiver.receive(&mut got).await? {
                Incoming::Data(Data::Text(_)) if number % 2 == 0 => break,
                Incoming::Data(Data::Binary(_)) if number % 2 == 1 => break,
                Incoming::Data(_) => return Err(format!("message {number} came back as another kind").into()),
                Incoming::Pong(_) => got.clear(),
                Incoming::Closed(reason) => return Err(format!("closed at {number}: {reason:?}").into()),
            }
        }
        if got != sent {
            return Err(format!("message {number}: {} bytes sent, {} others came back", sent.len(), got.len()).into());
        }
    }
    sender.close().await?;
    match receiver.receive(&mut Vec::new()).await {
        Ok(Incoming::Closed(_)) | Err(Error::Closed) => Ok(()),
        other => Err(format!("after the close: {other:?}").into()),
    }
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    assert!(args.len() == 6, "usage: rust_peer PORT PATH whole|deflate|parts MESSAGES SEED");
    if let Err(error) = block_on(run(&args)) {
        eprintln!("rust_peer: {error}");
        std::process::exit(1);
    }
}
