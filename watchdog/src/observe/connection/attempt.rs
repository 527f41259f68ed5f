//! One attempt: connect to each address until one answers, and talk.

use std::net::IpAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::{Progress, Stage, Trouble, open, ping, secret, tls};
use crate::check::connection::{Connection, Port, Talk, To, Unix};
use crate::clock::{BootTime, boot_now, wall_now};
use crate::protocol::{Carrier, Peer, ProtocolError, Stream, generic};
use crate::service::Sizes;

/// Silence of a UDP server for so long is as good as an answer: a closed port is told sooner. Monit's.
const SILENCE: Duration = Duration::from_millis(1200);

/// How long it took until the server had shown that it is alive, in seconds; none: that cannot be told.
pub(super) type Took = Option<f64>;

/// Whoever calls ends it when its time is over; `begin` is when that time began.
pub(super) async fn attempt(
    connection: &Connection,
    address: &str,
    begin: BootTime,
    sizes: Sizes,
    progress: &Progress,
) -> Result<Took, Trouble> {
    let end = begin + connection.timeout;
    let answered = match &connection.to {
        To::Ping(ping) => return ping::any_address(ping, address, end, progress).await,
        To::Port(port) => {
            let host = port.host.as_deref().unwrap_or(address);
            any_address(port, host, end, sizes, progress).await
        }
        To::Unix(unix) => socket(unix, end, sizes, progress).await,
    };
    Ok(answered?.then(|| boot_now().since(begin).as_secs_f64()))
}

/// The first address that answers. Each gets its share of the time to connect, so that one that
/// swallows packets does not use up all of it.
async fn any_address(
    port: &Port,
    host: &str,
    end: BootTime,
    sizes: Sizes,
    progress: &Progress,
) -> Result<bool, Trouble> {
    progress.reached(Stage::Name);
    let mut addresses = open::resolve(host, port.number, progress).await?;
    let fits = |address: IpAddr| {
        let family = port.family.is_none_or(|family| family.has(address));
        family && port.from.is_none_or(|from| from.is_ipv4() == address.is_ipv4())
    };
    addresses.retain(|address| fits(address.ip()));
    let mut worst = Trouble::Theirs("the name has no address of this kind".to_owned());
    let mut talked = false;
    for (done, address) in addresses.iter().enumerate() {
        progress.reached(Stage::Connection);
        let left = u32::try_from(addresses.len() - done).unwrap_or(u32::MAX);
        let share = end.since(boot_now()) / left;
        let opened = match timeout(share, open::port(*address, port)).await {
            Ok(opened) => opened,
            Err(_) => Err(Trouble::Theirs("Connection timed out".to_owned())),
        };
        let trouble = match opened {
            Ok(stream) => match over(stream, port, host, end, sizes, progress).await {
                Ok(answered) => return Ok(answered),
                Err(trouble) => {
                    talked = true;
                    trouble
                }
            },
            // What a server has said wrong tells more than that another address has none.
            Err(_) if talked => continue,
            Err(trouble) => trouble,
        };
        worst = trouble;
    }
    Err(worst)
}

/// Talks over a connection that is there, encrypted where that is asked for.
async fn over(
    mut stream: Box<dyn Stream>,
    port: &Port,
    host: &str,
    end: BootTime,
    sizes: Sizes,
    progress: &Progress,
) -> Result<bool, Trouble> {
    let peer =
        Peer { body: sizes.http_content_buffer, ..Peer::new(host, port.number, port.carrier) };
    let Some(options) = &port.tls else {
        progress.reached(Stage::Answer);
        return talk(&mut *stream, &port.talk, &peer, end, sizes, progress).await;
    };
    progress.reached(Stage::Encryption);
    let greeting = match &port.talk {
        Talk::Protocol(protocol) => protocol.before_tls(&mut *stream).await,
        Talk::Nothing | Talk::Script(_) => Ok(None),
    };
    let greeting = greeting.map_err(|error| Trouble::Theirs(error.0))?;
    let mut stream = tls::encrypt(stream, options, host, progress).await?;
    progress.reached(Stage::Answer);
    let peer = Peer { private: true, greeting: greeting.as_deref(), ..peer };
    talk(&mut *stream, &port.talk, &peer, end, sizes, progress).await
}

async fn socket(
    unix: &Unix,
    end: BootTime,
    sizes: Sizes,
    progress: &Progress,
) -> Result<bool, Trouble> {
    progress.reached(Stage::Connection);
    let mut stream = open::socket(&unix.path, unix.carrier, progress).await?;
    progress.reached(Stage::Answer);
    let body = sizes.http_content_buffer;
    let peer = Peer { private: true, body, ..Peer::new("localhost", 0, unix.carrier) };
    talk(&mut *stream, &unix.talk, &peer, end, sizes, progress).await
}

/// Whether an answer came; false: silence, which is as good.
async fn talk(
    stream: &mut dyn Stream,
    talk: &Talk,
    peer: &Peer<'_>,
    end: BootTime,
    sizes: Sizes,
    progress: &Progress,
) -> Result<bool, Trouble> {
    let said = match talk {
        Talk::Nothing if peer.carrier == Carrier::Datagram => {
            let patience = SILENCE.min(end.since(boot_now()) / 2);
            match timeout(patience, provoke(stream)).await {
                Ok(said) => said,
                Err(_) => return Ok(false),
            }
        }
        Talk::Nothing => Ok(()),
        Talk::Script(script) => generic::talk(stream, script, sizes.send_expect_buffer).await,
        Talk::Protocol(protocol) => {
            let password = secret::of(protocol, progress).await?;
            let unix_seconds = Some(wall_now().as_second());
            let peer = Peer { password: password.as_deref(), unix_seconds, ..*peer };
            protocol.talk(stream, &peer).await
        }
    };
    said.map(|()| true).map_err(|error| Trouble::Theirs(error.0))
}

/// Sends one byte, as Monit does: where nobody listens the host says so (ICMP, RFC 1122, section
/// 3.2.2.1).
async fn provoke(stream: &mut dyn Stream) -> Result<(), ProtocolError> {
    stream.write_all(&[0]).await?;
    // Whatever it is, somebody is there; an empty one is no answer that we could see.
    stream.read_u8().await?;
    Ok(())
}
