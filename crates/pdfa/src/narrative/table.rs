use roxmltree::Node;

use super::{Flow, Reader, styled};
use crate::content::{Align, Block, Cell, Row, Style, Table};
use crate::{Error, Limits};

impl<'a, 'i> Reader<'a, 'i, '_> {
    /// Rows in the order of HTML: heads first, feet last, wherever they stand. A table within a cell becomes lines.
    pub(super) fn table(
        &mut self,
        table: Node<'a, 'i>,
        style: Style,
        depth: usize,
        flow: &mut Flow,
    ) -> Result<(), Error> {
        let (mut heads, mut rows, mut feet) = (Vec::new(), Vec::new(), Vec::new());
        for node in table.children().filter(Node::is_element) {
            let style = styled(node, style);
            match node.tag_name().name() {
                "caption" => {
                    flow.blocks.extend(self.blocks(node, Style { bold: true, ..style }, depth + 1)?);
                }
                "thead" => self.rows(node, style, true, depth + 1, &mut heads)?,
                "tfoot" => self.rows(node, style, false, depth + 1, &mut feet)?,
                "tr" => rows.push(self.row(node, style, false, depth + 1)?),
                "col" | "colgroup" => {}
                _ => self.rows(node, style, false, depth + 1, &mut rows)?,
            }
        }
        heads.append(&mut rows);
        heads.append(&mut feet);
        heads.retain(|row: &Row| !row.cells.is_empty());
        if !heads.is_empty() {
            flow.blocks.push(Block::Table(Table { rows: heads, plain: false }));
        }
        Ok(())
    }

    fn rows(
        &mut self,
        group: Node<'a, 'i>,
        style: Style,
        head: bool,
        depth: usize,
        out: &mut Vec<Row>,
    ) -> Result<(), Error> {
        for node in group.children().filter(Node::is_element) {
            out.push(self.row(node, styled(node, style), head, depth + 1)?);
        }
        Ok(())
    }

    fn row(&mut self, row: Node<'a, 'i>, style: Style, head: bool, depth: usize) -> Result<Row, Error> {
        self.count(Limits::ELEMENT)?;
        let mut cells = Vec::new();
        for node in row.children().filter(Node::is_element) {
            self.cells += 1;
            if self.cells > self.limits.cells {
                return Err(Error::TooLarge { what: "table cells", limit: self.limits.cells });
            }
            let of_head = node.tag_name().name() == "th";
            let mut style = styled(node, style);
            style.bold |= of_head;
            let count = |name: &str| node.attribute(name).and_then(|text| text.trim().parse::<usize>().ok());
            let align = [node, row].iter().find_map(|node| node.attribute("align")).unwrap_or_default();
            cells.push(Cell {
                blocks: self.blocks(node, style, depth + 1)?,
                columns: count("colspan").unwrap_or(1).clamp(1, Limits::COLUMNS),
                rows: count("rowspan").unwrap_or(1).clamp(1, 1_000),
                head: of_head,
                align: match align.to_ascii_lowercase().as_str() {
                    "center" => Align::Centre,
                    "right" => Align::Right,
                    _ => Align::Left,
                },
            });
        }
        Ok(Row { cells, head })
    }
}
