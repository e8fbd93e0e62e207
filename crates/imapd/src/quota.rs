//! QUOTA (RFC 9208). A mailbox has one quota root, without a name; its limits belong to the operator.

use imap::response::{self, Line};

use crate::session::{Answer, Handled, Session};

/// Octets in a unit of STORAGE (RFC 9208 §5.1).
const UNIT: u64 = 1024;

impl Session {
    pub(crate) async fn get_quota(&mut self, root: &str) -> Handled {
        if !root.is_empty() {
            return Ok(Answer::no("NONEXISTENT", "The only quota root here is \"\""));
        }
        Ok(self.tell_quota().await)
    }

    pub(crate) async fn get_quota_root(&mut self, folder: &str) -> Handled {
        // The folder need not be there (RFC 9208 §4.1.2): one that were created would have the same root.
        let line = format!("QUOTAROOT {} \"\"", response::mailbox(folder, self.dialect().utf8));
        self.connection.say(Line::untagged(&line));
        Ok(self.tell_quota().await)
    }

    async fn tell_quota(&mut self) -> Answer {
        let quota = match self.context.store.quota(self.account()).await {
            Ok(quota) => quota,
            Err(error) => return Answer::failed(&error),
        };
        let storage = quota
            .limit
            .bytes
            .map(|limit| format!("STORAGE {} {}", quota.used.bytes.div_ceil(UNIT), limit.div_ceil(UNIT)));
        let messages = quota.limit.messages.map(|limit| format!("MESSAGE {} {limit}", quota.used.messages));
        // What has no limit is not named (RFC 9208 §4.2.1).
        let named: Vec<String> = storage.into_iter().chain(messages).collect();
        self.connection.say(Line::untagged(&format!("QUOTA \"\" ({})", named.join(" "))));
        Answer::ok("Quota told")
    }
}
