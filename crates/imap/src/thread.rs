//! The two algorithms of THREAD (RFC 5256 §3).
//!
//! Threads are kept in one vector of nodes, and walked without recursion: a chain of a hundred thousand replies is
//! then long, not deep.

use std::collections::HashMap;

use crate::command::ThreadAlgorithm;
use crate::sort::Sortable;

/// The answer to THREAD, from what follows `* THREAD`: empty, or ` (2)(3 6 (4 23)(44 7 96))`.
pub fn thread(messages: Vec<Sortable>, algorithm: ThreadAlgorithm) -> String {
    let mut forest = match algorithm {
        ThreadAlgorithm::OrderedSubject => ordered_subject(messages),
        ThreadAlgorithm::References => references(messages),
    };
    forest.sort();
    let text = forest.write();
    if text.is_empty() { text } else { format!(" {text}") }
}

/// Answers one below the other that are looked through for a ring.
const DEEPEST: usize = 10_000;
/// Steps of such looking for each place of a forest, all together, and what any forest has besides. Real mail takes a few;
/// past them a message stands for itself.
const STEPS: usize = 50;

#[derive(Default)]
struct Forest {
    nodes: Vec<Node>,
    roots: Vec<usize>,
    /// Steps taken to look for rings.
    walked: usize,
}

/// A message, or a place that only its answers tell of.
#[derive(Default)]
struct Node {
    message: Option<Sortable>,
    parent: Option<usize>,
    children: Vec<usize>,
}

/// Messages of one base subject: the first, and the others as its children.
fn ordered_subject(mut messages: Vec<Sortable>) -> Forest {
    messages
        .sort_by(|one, other| (&one.subject, one.sent, one.id).cmp(&(&other.subject, other.sent, other.id)));
    let mut forest = Forest::default();
    for message in messages {
        let at = forest.nodes.len();
        let root = forest.roots.last().copied().filter(|root| {
            forest.nodes[*root].message.as_ref().is_some_and(|first| first.subject == message.subject)
        });
        forest.nodes.push(Node { message: Some(message), parent: root, children: Vec::new() });
        match root {
            Some(root) => forest.nodes[root].children.push(at),
            None => forest.roots.push(at),
        }
    }
    forest
}

fn references(messages: Vec<Sortable>) -> Forest {
    let mut forest = linked(messages);
    forest.prune();
    forest.sort();
    forest.gather();
    forest
}

/// Step 1: each message below the last of its references, these one below the other where nothing is known better.
fn linked(messages: Vec<Sortable>) -> Forest {
    let mut forest = Forest::default();
    let mut places: HashMap<String, usize> = HashMap::new();
    for message in messages {
        let references = message.references.clone();
        let own = match &message.message_id {
            Some(id) => match places.get(id) {
                Some(at) if forest.nodes[*at].message.is_none() => Some(*at),
                Some(_) => None, // a second message of that name stands for itself
                None => {
                    places.insert(id.clone(), forest.nodes.len());
                    None
                }
            },
            None => None,
        };
        let own = own.unwrap_or_else(|| forest.add());
        forest.nodes[own].message = Some(message);
        let mut above = None;
        for reference in references {
            let at = *places.entry(reference).or_insert_with(|| {
                forest.nodes.push(Node::default());
                forest.nodes.len() - 1
            });
            if let Some(above) = above
                && forest.nodes[at].parent.is_none()
                && at != own
            {
                forest.link(above, at);
            }
            above = Some(at);
        }
        forest.unlink(own);
        if let Some(above) = above {
            forest.link(above, own);
        }
    }
    forest.roots = (0..forest.nodes.len()).filter(|at| forest.nodes[*at].parent.is_none()).collect();
    forest
}

impl Forest {
    fn add(&mut self) -> usize {
        self.nodes.push(Node::default());
        self.nodes.len() - 1
    }

    /// Puts one below another, unless that would make a ring.
    fn link(&mut self, above: usize, below: usize) {
        if above == below {
            return;
        }
        // What has no children stands above nobody. A crafted chain ends the walk, and stays apart.
        let (mut up, mut steps) = (Some(above).filter(|_| !self.nodes[below].children.is_empty()), 0);
        while let Some(at) = up {
            steps += 1;
            self.walked += 1;
            if at == below || steps > DEEPEST || self.walked > DEEPEST + STEPS * self.nodes.len() {
                return;
            }
            up = self.nodes[at].parent;
        }
        self.nodes[below].parent = Some(above);
        self.nodes[above].children.push(below);
    }

    fn unlink(&mut self, at: usize) {
        if let Some(parent) = self.nodes[at].parent.take() {
            self.nodes[parent].children.retain(|child| *child != at);
        }
    }

    /// Every node, parents before their children.
    fn downwards(&self) -> Vec<usize> {
        let mut order = self.roots.clone();
        let mut at = 0;
        while at < order.len() {
            order.extend_from_slice(&self.nodes[order[at]].children);
            at += 1;
        }
        order
    }

    /// Step 3: places without a message go; their children come in their stead, but not several at the top.
    fn prune(&mut self) {
        for at in self.downwards().into_iter().rev() {
            let mut kept = Vec::new();
            for child in std::mem::take(&mut self.nodes[at].children) {
                if self.nodes[child].message.is_some() {
                    kept.push(child);
                } else {
                    kept.append(&mut self.nodes[child].children);
                }
            }
            for child in &kept {
                self.nodes[*child].parent = Some(at);
            }
            self.nodes[at].children = kept;
        }
        let mut roots = Vec::new();
        for root in std::mem::take(&mut self.roots) {
            let node = &mut self.nodes[root];
            match (&node.message, node.children.as_slice()) {
                (None, []) => {}
                (None, [only]) => {
                    let only = *only;
                    node.children.clear();
                    self.nodes[only].parent = None;
                    roots.push(only);
                }
                _ => roots.push(root),
            }
        }
        self.roots = roots;
    }

    /// Steps 4 and 6: siblings by the date on which they were sent; a place without a message by its first child.
    fn sort(&mut self) {
        for at in self.downwards().into_iter().rev() {
            let mut children = std::mem::take(&mut self.nodes[at].children);
            children.sort_by_key(|child| self.date(*child));
            self.nodes[at].children = children;
        }
        let mut roots = std::mem::take(&mut self.roots);
        roots.sort_by_key(|root| self.date(*root));
        self.roots = roots;
    }

    fn date(&self, at: usize) -> (i64, u32) {
        self.first(at).map_or((0, 0), |message| (message.sent, message.id))
    }

    /// The message of a node, or of its first child.
    fn first(&self, at: usize) -> Option<&Sortable> {
        let node = &self.nodes[at];
        node.message.as_ref().or_else(|| self.nodes[*node.children.first()?].message.as_ref())
    }

    /// Step 5: threads of one subject are one.
    fn gather(&mut self) {
        let mut table: HashMap<String, usize> = HashMap::new();
        for &root in &self.roots {
            let Some(first) = self.first(root).filter(|first| !first.subject.is_empty()) else { continue };
            let better = match table.get(&first.subject) {
                None => true,
                // A place without a message, or what is no reply, stands for the subject before a reply does.
                Some(known) => {
                    let known = &self.nodes[*known];
                    let is_dummy = self.nodes[root].message.is_none();
                    known
                        .message
                        .as_ref()
                        .is_some_and(|message| is_dummy || (message.is_reply && !first.is_reply))
                }
            };
            if better {
                table.insert(first.subject.clone(), root);
            }
        }
        let mut gone = vec![false; self.nodes.len()];
        for root in self.roots.clone() {
            let Some(first) = self.first(root) else { continue };
            let Some(&main) = table.get(&first.subject).filter(|main| **main != root) else { continue };
            let is_reply = first.is_reply;
            let dummy = |forest: &Self, at: usize| forest.nodes[at].message.is_none();
            if dummy(self, main) && dummy(self, root) {
                self.adopt(main, root);
            } else if dummy(self, main)
                || (is_reply && self.nodes[main].message.as_ref().is_some_and(|message| !message.is_reply))
            {
                self.nodes[root].parent = Some(main);
                self.nodes[main].children.push(root);
            } else {
                // Two of equal standing: a place above both, which takes the place of the first.
                let above = self.add();
                gone.push(false);
                let place = self.roots.iter().position(|at| *at == main);
                let subject = self.first(main).map(|first| first.subject.clone());
                for below in [main, root] {
                    self.nodes[below].parent = Some(above);
                    self.nodes[above].children.push(below);
                }
                if let (Some(place), Some(subject)) = (place, subject) {
                    self.roots[place] = above;
                    table.insert(subject, above);
                }
            }
            gone[root] = true;
        }
        self.roots.retain(|root| !gone[*root]);
    }

    fn adopt(&mut self, above: usize, from: usize) {
        let children = std::mem::take(&mut self.nodes[from].children);
        for child in &children {
            self.nodes[*child].parent = Some(above);
        }
        self.nodes[above].children.extend(children);
    }

    fn write(&self) -> String {
        enum Step {
            Node(usize),
            Text(&'static str),
        }
        let mut out = String::new();
        let mut steps = Vec::new();
        for root in self.roots.iter().rev() {
            steps.extend([Step::Text(")"), Step::Node(*root), Step::Text("(")]);
        }
        while let Some(step) = steps.pop() {
            let at = match step {
                Step::Text(text) => {
                    out.push_str(text);
                    continue;
                }
                Step::Node(at) => at,
            };
            let node = &self.nodes[at];
            if let Some(message) = &node.message {
                out.push_str(&message.id.to_string());
                if !node.children.is_empty() {
                    out.push(' ');
                }
            }
            match node.children.as_slice() {
                [only] => steps.push(Step::Node(*only)),
                several => {
                    for child in several.iter().rev() {
                        steps.extend([Step::Text(")"), Step::Node(*child), Step::Text("(")]);
                    }
                }
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(id: u32, subject: &str, references: &[&str]) -> Sortable {
        let (base, is_reply) = crate::sort::base_subject(subject);
        Sortable {
            id,
            sent: i64::from(id),
            subject: crate::sort::collate(&base),
            is_reply,
            message_id: Some(format!("{id}@x")),
            references: references.iter().map(|text| format!("{text}@x")).collect(),
            ..Sortable::default()
        }
    }

    fn by_references(messages: Vec<Sortable>) -> String {
        thread(messages, ThreadAlgorithm::References)
    }

    #[test]
    fn answers_stand_below_what_they_answer() {
        let all = vec![
            message(2, "a", &[]),
            message(3, "b", &[]),
            message(6, "Re: b", &["3"]),
            message(4, "Re: b", &["3", "6"]),
            message(23, "Re: b", &["3", "6", "4"]),
            message(44, "Re: b", &["3", "6"]),
            message(7, "Re: b", &["3", "6", "44"]),
            message(96, "Re: b", &["3", "6", "44", "7"]),
        ];
        // RFC 5256 §4, the first example.
        assert_eq!(by_references(all), " (2)(3 6 (4 23)(44 7 96))");
        assert_eq!(by_references(Vec::new()), "");
    }

    #[test]
    fn a_missing_parent_keeps_its_place_only_above_several() {
        assert_eq!(by_references(vec![message(3, "b", &["9"]), message(6, "c", &["9"])]), " ((3)(6))");
        assert_eq!(by_references(vec![message(3, "b", &["9"])]), " (3)");
        assert_eq!(
            by_references(vec![message(3, "b", &["1"]), message(6, "c", &["3", "8"]), message(1, "b", &[])]),
            " (1 3 6)"
        );
    }

    #[test]
    fn threads_of_one_subject_are_gathered() {
        assert_eq!(
            by_references(vec![message(1, "b", &[]), message(2, "Re: b", &[]), message(3, "c", &[])]),
            " (1 2)(3)"
        );
        assert_eq!(
            by_references(vec![message(1, "b", &[]), message(2, "b", &[]), message(3, "b", &[])]),
            " ((1)(2)(3))"
        );
        assert_eq!(by_references(vec![message(1, "Re: b", &[]), message(2, "b", &[])]), " (2 1)");
    }

    #[test]
    fn rings_and_doubles_do_no_harm() {
        let mut double = message(2, "y", &["1"]);
        double.message_id = Some("1@x".into());
        assert_eq!(by_references(vec![message(1, "x", &["2"]), double]), " (1 2)");
        assert_eq!(
            by_references(vec![message(1, "x", &["2"]), message(2, "y", &["1"]), message(3, "z", &["3"])]),
            " (2 1)(3)"
        );
    }

    #[test]
    fn a_long_chain_is_not_deep() {
        let all: Vec<Sortable> = (1..=50_000)
            .map(|id| {
                message(
                    id,
                    "Re: x",
                    &if id > 1 { vec![(id - 1).to_string()] } else { vec![] }
                        .iter()
                        .map(String::as_str)
                        .collect::<Vec<_>>(),
                )
            })
            .collect();
        let text = by_references(all);
        assert!(text.starts_with(" (1 2 3 4 ") && text.ends_with(" 50000)"));
    }

    #[test]
    fn subjects_alone() {
        let all = vec![
            message(1, "b", &[]),
            message(2, "a", &[]),
            message(3, "Re: B", &[]),
            message(4, "re: b", &[]),
        ];
        assert_eq!(thread(all, ThreadAlgorithm::OrderedSubject), " (1 (3)(4))(2)");
    }
}
