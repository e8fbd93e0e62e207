//! The client's side: commands written, responses read. No socket, no clock.
//!
//! ```
//! use imap::client::{Command, Response, ResponseReader, Status, Tags};
//!
//! let mut tags = Tags::new();
//! let command = Command::new(&tags.next_tag(), "SELECT").mailbox("INBOX");
//! assert_eq!(command.finish().segments(), [b"v1 SELECT INBOX\r\n".to_vec()]);
//!
//! let mut reader = ResponseReader::default();
//! reader.push(b"* 3 EXISTS\r\nv1 OK [READ-WRITE] done\r\n");
//! while let Some(response) = reader.poll().unwrap() {
//!     if let Response::Tagged(end) = response {
//!         assert_eq!((end.tag.as_str(), end.status), ("v1", Status::Ok));
//!     }
//! }
//! ```

mod reader;
mod response;
mod writer;

pub use reader::{ReadError, ResponseReader};
pub use response::{BodyData, Code, Fetched, Folder, Notice, NoticeKind, Response, Status, Tagged, Untagged};
pub use writer::{Command, Outgoing, Tags, append, authenticate};
