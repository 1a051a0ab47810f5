//! Downloads that are gone on with.

use std::path::Path;

use http::header::ACCEPT_ENCODING;
use http::{HeaderValue, StatusCode};
use torsade_core::Deferred;

use super::{ClientRequest, HttpStatusError};
use crate::response::Response;
use crate::saving::partial::Partial;
use crate::saving::{Target, save};

/// What a response is to what there is of the file.
enum Fit {
    /// The whole.
    Whole,
    /// The rest.
    Rest,
    /// There is nothing more.
    Complete,
    /// Some other part of it, or none: it has to be asked for all.
    Another,
    /// Neither.
    None,
}

impl ClientRequest {
    /// Sends it, and saves the body to a file, going on where an earlier call broke off; the Deferred
    /// fires with the count of bytes that this one brought.
    ///
    /// What comes is kept beside the file, in `NAME.part`, and put in its place when it is whole; until
    /// then the file is as it was. If the body breaks off, the part stays, and the next call for the
    /// same URL and file asks for the rest of it (`Range`), as long as the server still has that
    /// version (`If-Range`; `NAME.part.from` tells it), and for all of it otherwise. Of a response that
    /// names no version, nothing is kept. Cancelling closes the connection and keeps the part.
    ///
    /// No content coding is asked for, since a part of one is of no use.
    ///
    /// ```
    /// use torsade_http::{AgentOptions, Client};
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, Protocol, TcpServer, Transport};
    /// # struct Server(fn(&str) -> &'static str);
    /// # impl Protocol for Server {
    /// #     fn data_received(&mut self, transport: &Transport, request: &[u8]) -> torsade_core::Result<()> {
    /// #         transport.write(self.0(std::str::from_utf8(request)?).as_bytes());
    /// #         Ok(())
    /// #     }
    /// # }
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
    /// # server.listen(|_: &Address| Server(|request| match request.contains("Range: bytes=6-\r\nIf-Range: \"v1\"\r\n") {
    /// #     false => "HTTP/1.1 200 OK\r\nETag: \"v1\"\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n\
    /// #               6\r\nhello \r\nbroken",
    /// #     true => "HTTP/1.1 206 Partial Content\r\nETag: \"v1\"\r\nContent-Range: bytes 6-10/11\r\n\
    /// #              Content-Length: 5\r\n\r\nworld",
    /// # }))?;
    /// # let client = Client::with_options(&reactor, AgentOptions::new());
    /// # let folder = tempfile::tempdir()?;
    /// # let file = folder.path().join("large.txt");
    /// let url = "http://127.0.0.1/large.txt";
    /// assert!(reactor.run_until(client.get(url).download(&file)).is_err()); // it breaks off
    /// let rest = reactor.run_until(client.get(url).download(&file))?;
    /// assert_eq!((rest, std::fs::read(&file)?), (5, b"hello world".to_vec()));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// Those of [`send`](Self::send) and of [`Response::save_to`]; [`HttpStatusError`] for whatever is
    /// neither the file nor a part of it; [`WouldBlock`](std::io::ErrorKind::WouldBlock) while another
    /// download to the same file is under way.
    #[doc(alias = "downloadPage")]
    #[doc(alias = "supportPartial")]
    pub fn download(self, path: impl AsRef<Path>) -> Deferred<u64> {
        let Some(url) = self.url() else {
            // Which tells what is wrong with it.
            return self.send().map(|_| 0);
        };
        match Partial::open(path.as_ref(), &url) {
            Ok(partial) => self.download_to(partial),
            Err(error) => Deferred::fail(error),
        }
    }

    fn download_to(self, mut partial: Partial) -> Deferred<u64> {
        let fields = partial.fields();
        // If the server has no such part, it is asked for all.
        let again = fields.as_ref().and_then(|_| self.again());
        let client = self.client.clone();
        let request = self.with(|mut request| {
            let identity = HeaderValue::from_static("identity");
            request.headers.insert(ACCEPT_ENCODING, identity);
            for (name, value) in fields.into_iter().flatten() {
                request.headers.insert(name, value);
            }
            Ok(request)
        });
        let from = request.url();
        request.send().add_callback(move |response| {
            let ready = match (fit(&response, &partial), again) {
                (Fit::Whole, _) => partial.begin(from.as_ref(), &response),
                (Fit::Rest, _) => partial.go_on(),
                (Fit::Complete, _) => {
                    return match partial.put_in_place() {
                        Ok(()) => Deferred::succeed(0),
                        Err(error) => Deferred::fail(error),
                    };
                }
                (Fit::Another, Some(again)) => {
                    return match partial.clear() {
                        Ok(()) => again.download_to(partial),
                        Err(error) => Deferred::fail(error),
                    };
                }
                (Fit::Another | Fit::None, _) => {
                    partial.give_up();
                    return Deferred::fail(HttpStatusError::of(&response));
                }
            };
            match ready {
                Ok(partial) => save(&client.reactor, response, partial),
                Err(error) => Deferred::fail(error),
            }
        })
    }
}

fn fit(response: &Response, partial: &Partial) -> Fit {
    let range = response.content_range().filter(|_| partial.length() > 0);
    let bytes = range.and_then(|range| range.bytes);
    let complete = range.and_then(|range| range.complete_length);
    match response.status() {
        StatusCode::OK => Fit::Whole,
        StatusCode::PARTIAL_CONTENT => match bytes {
            Some((first, last))
                if first == partial.length()
                    && complete.is_none_or(|complete| complete == last + 1)
                    && partial.is_of_version_in(response) =>
            {
                Fit::Rest
            }
            _ => Fit::Another,
        },
        StatusCode::RANGE_NOT_SATISFIABLE if complete == Some(partial.length()) => Fit::Complete,
        StatusCode::RANGE_NOT_SATISFIABLE => Fit::Another,
        _ => Fit::None,
    }
}
