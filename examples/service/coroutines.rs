//! With coroutines: what comes later is awaited, and a connection is a loop over its lines.

use futures_util::io::BufReader;
use futures_util::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use torsade::stream::AsyncStream;
use torsade::{ListeningPort, Result, TcpServer};

use crate::store::{LIMIT, LONGEST, Service, answer, name_in};

/// What goes behind a name and an answer.
const LINE_END: &[u8] = b"\r\n";

async fn serve(stream: AsyncStream, service: Service) -> Result<()> {
    let (reader, mut writer) = stream.split();
    let mut reader = BufReader::new(reader);
    loop {
        let mut line = Vec::new();
        let longest = (LONGEST + LINE_END.len()) as u64;
        (&mut reader)
            .take(longest)
            .read_until(b'\n', &mut line)
            .await?;
        if !line.ends_with(LINE_END) {
            // The end, in the middle of a name perhaps; or a name that is too long.
            return Ok(());
        }
        let name = name_in(&line);
        let looking = service.store.look_up(&name);
        let found = looking.add_timeout(&service.reactor, LIMIT).await;
        let answer = answer(&name, found);
        writer.write_all(answer.as_bytes()).await?;
        writer.write_all(LINE_END).await?;
    }
}

pub(crate) fn listen(server: TcpServer, service: Service) -> Result<ListeningPort> {
    let reactor = service.reactor.clone();
    server.listen(AsyncStream::serve(&reactor, move |stream| {
        serve(stream, service.clone())
    }))
}
