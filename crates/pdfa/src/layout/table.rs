//! Tables: columns as wide as their texts ask for, rows tied by a `rowspan` kept together, heads repeated on each page.

use super::lines::{self, Frag, What};
use super::{BOTTOM, LEFT, Op, RIGHT, SIZE, Setter, TOP, Tone};
use crate::content::{Block, Cell, Table};
use crate::{Error, Limits};

/// Inside the lines of a cell, around text of full size and around smaller text.
const PAD: f32 = 3.0;
const SMALL_PAD: f32 = 2.0;
/// Sizes of text that are tried until the longest words fit.
const SIZES: [f32; 4] = [8.5, 7.5, 6.5, 6.0];
/// No word may ask for a column wider than this; it is cut instead.
const WIDEST_WORD: f32 = 160.0;

/// A cell in its place, and its content set.
struct Placed<'t> {
    row: usize,
    column: usize,
    columns: usize,
    rows: usize,
    cell: &'t Cell,
    frags: Vec<Frag>,
    pad: f32,
}

impl Placed<'_> {
    fn height(&self) -> f32 {
        self.frags.iter().map(|frag| frag.height).sum::<f32>() + 2.0 * self.pad
    }
}

impl Setter<'_> {
    pub(super) fn table(&mut self, table: &Table) -> Result<(), Error> {
        let (mut cells, columns) = place(table);
        if columns > Limits::COLUMNS {
            for row in lines::rows_as_lines(table) {
                let block = Block::Paragraph(row);
                self.flow(lines::frags(
                    self.fonts,
                    &[block],
                    RIGHT - LEFT,
                    SIZE,
                    crate::content::Align::Left,
                ))?;
            }
            return Ok(());
        }
        let (widths, size) = self.columns(table, &cells, columns);
        let edges: Vec<f32> = std::iter::once(LEFT)
            .chain(widths.iter().scan(LEFT, |x, width| {
                *x += width;
                Some(*x)
            }))
            .collect();
        for placed in &mut cells {
            let width = edges[placed.column + placed.columns]
                - edges[placed.column]
                - 2.0 * pad_of(size, table.plain);
            placed.pad = pad_of(size, table.plain);
            placed.frags =
                lines::frags(self.fonts, &placed.cell.blocks, width.max(8.0), size, placed.cell.align);
        }
        let heights = heights(&cells, table.rows.len());
        let heads = table.rows.iter().take_while(|row| row.head).count();
        let heads = bands(&cells, table.rows.len())
            .take_while(|band| band.end <= heads)
            .last()
            .map_or(0, |band| band.end);
        let head_height: f32 = heights[..heads].iter().sum();
        let repeated = heads > 0 && heads < table.rows.len() && head_height < (BOTTOM - TOP) / 3.0;
        if table.plain {
            let height: f32 = heights.iter().sum();
            let (y, width) = (self.y, RIGHT - LEFT);
            if height < self.room() {
                self.put(Op::Box { x: LEFT, y, width, height, fill: Some(Tone::Panel), line: None });
            }
        }
        // Rows of heads at the start, marked as such or not, and the band after them.
        let of_heads = |row: &crate::content::Row| row.head || row.cells.iter().all(|cell| cell.head);
        let lead_rows = table.rows.iter().take_while(|row| of_heads(row)).count().max(heads);
        let after = bands(&cells, table.rows.len())
            .find(|band| band.end > lead_rows)
            .map_or(lead_rows, |band| band.end);
        let lead: f32 = heights[..after].iter().sum();
        for band in bands(&cells, table.rows.len()) {
            let height: f32 = heights[band.clone()].iter().sum();
            let full = BOTTOM - TOP - if repeated { head_height } else { 0.0 };
            // A head never stands alone at the foot of a page.
            let keep = if band.start < lead_rows { lead.min(full) } else { height };
            if keep.max(height) > self.room() && !self.at_top() && (height <= full || self.room() < 40.0) {
                self.page_break()?;
                if repeated && band.start >= heads {
                    self.band(&cells, 0..heads, &heights, &edges, table.plain);
                }
            }
            if height <= self.room() {
                self.band(&cells, band, &heights, &edges, table.plain);
            } else {
                let head = if repeated && band.start >= heads { 0..heads } else { 0..0 };
                for row in band {
                    self.long_row(&cells, row, head.clone(), &heights, &edges)?;
                }
            }
        }
        self.y += SIZE * 0.7;
        Ok(())
    }

    /// Widths of the columns, and the size of the text.
    fn columns(&self, table: &Table, cells: &[Placed<'_>], columns: usize) -> (Vec<f32>, f32) {
        let room = RIGHT - LEFT;
        let mut chosen = (vec![0.0; columns], vec![0.0; columns], SIZES[0]);
        for size in if table.plain { &[SIZE] } else { &SIZES[..] } {
            let pads = 2.0 * pad_of(*size, table.plain);
            let (mut least, mut most) = (vec![pads + 4.0; columns], vec![pads + 4.0; columns]);
            let mut ordered: Vec<&Placed<'_>> = cells.iter().collect();
            ordered.sort_by_key(|placed| placed.columns);
            for placed in ordered {
                let (min, max) = lines::widths(self.fonts, &placed.cell.blocks, *size);
                let range = placed.column..placed.column + placed.columns;
                widen(&mut least[range.clone()], min.min(WIDEST_WORD) + pads);
                widen(&mut most[range], max + pads + 0.5);
            }
            let fits = least.iter().sum::<f32>() <= room;
            chosen = (least, most, *size);
            if fits {
                break;
            }
        }
        let (least, most, size) = chosen;
        let (min, max) = (least.iter().sum::<f32>(), most.iter().sum::<f32>());
        if table.plain {
            let first = most.first().copied().unwrap_or(room).max(70.0).min(room / 3.0);
            let rest = (room - first) / f32::from(u8::try_from(columns.max(2) - 1).unwrap_or(1));
            let widths = (0..columns).map(|column| if column == 0 { first } else { rest });
            return (widths.collect(), size);
        }
        let widths = if max <= room {
            most.iter().map(|width| width * room / max).collect()
        } else if min <= room {
            let share = (room - min) / (max - min).max(0.1);
            least.iter().zip(&most).map(|(least, most)| least + (most - least) * share).collect()
        } else {
            capped(&least, room)
        };
        (widths, size)
    }

    /// Rows that stand together, where there is room for them.
    fn band(
        &mut self,
        cells: &[Placed<'_>],
        band: std::ops::Range<usize>,
        heights: &[f32],
        edges: &[f32],
        plain: bool,
    ) {
        let top = self.y;
        for placed in cells.iter().filter(|placed| band.contains(&placed.row)) {
            let y = top + heights[band.start..placed.row].iter().sum::<f32>();
            let end = (placed.row + placed.rows).min(band.end);
            let height = heights[placed.row..end].iter().sum();
            if !plain {
                self.cell_box(placed, y, height, edges);
            }
            let mut at = y + placed.pad;
            for frag in placed.frags.clone() {
                let height = frag.height;
                self.put_frag(frag, edges[placed.column] + placed.pad, at);
                at += height;
            }
        }
        self.y += heights[band].iter().sum::<f32>();
    }

    fn cell_box(&mut self, placed: &Placed<'_>, y: f32, height: f32, edges: &[f32]) {
        let (x, end) = (edges[placed.column], edges[placed.column + placed.columns]);
        let fill = placed.cell.head.then_some(Tone::Head);
        self.put(Op::Box { x, y, width: end - x, height, fill, line: Some(Tone::Rule) });
    }

    /// A row higher than a page, or of a band higher than a page: each cell goes on where it was cut. A cell of several
    /// rows stands in its first.
    fn long_row(
        &mut self,
        cells: &[Placed<'_>],
        row: usize,
        head: std::ops::Range<usize>,
        heights: &[f32],
        edges: &[f32],
    ) -> Result<(), Error> {
        let pad = cells.first().map_or(PAD, |placed| placed.pad);
        let of_row: Vec<&Placed<'_>> = cells.iter().filter(|placed| placed.row == row).collect();
        let mut left: Vec<std::slice::Iter<'_, Frag>> =
            of_row.iter().map(|placed| placed.frags.iter()).collect();
        loop {
            if self.room() < 30.0 && !self.at_top() {
                self.page_break()?;
                self.band(cells, head.clone(), heights, edges, false);
            }
            let room = self.room() - 2.0 * pad;
            let mut used: f32 = 0.0;
            let mut taken: Vec<Vec<Frag>> = Vec::new();
            for frags in &mut left {
                let (mut height, mut mine) = (0.0, Vec::new());
                while let Some(frag) = frags.as_slice().first() {
                    if height + frag.height > room && !(height == 0.0 && self.at_top()) {
                        break;
                    }
                    height += frag.height;
                    mine.push(frag.clone());
                    frags.next();
                    while height == 0.0
                        && frags.as_slice().first().is_some_and(|f| matches!(f.what, What::Space))
                    {
                        frags.next();
                    }
                }
                used = used.max(height);
                taken.push(mine);
            }
            let height = used + 2.0 * pad;
            for (placed, frags) in of_row.iter().zip(taken) {
                self.cell_box(placed, self.y, height, edges);
                let mut at = self.y + placed.pad;
                for frag in frags {
                    let height = frag.height;
                    self.put_frag(frag, edges[placed.column] + placed.pad, at);
                    at += height;
                }
            }
            self.y += height;
            if left.iter().all(|frags| frags.as_slice().is_empty()) {
                return Ok(());
            }
            self.page_break()?;
            self.band(cells, head.clone(), heights, edges, false);
        }
    }
}

/// Gives every cell its row and columns, and the number of columns.
fn place(table: &Table) -> (Vec<Placed<'_>>, usize) {
    let mut cells = Vec::new();
    let mut taken: Vec<usize> = Vec::new(); // rows for which each column is still taken
    for (row, content) in table.rows.iter().enumerate() {
        let mut column = 0;
        for cell in &content.cells {
            while taken.get(column).is_some_and(|&rows| rows > 0) {
                column += 1;
            }
            let end = column + cell.columns;
            if taken.len() < end {
                taken.resize(end, 0);
            }
            let rows = cell.rows.min(table.rows.len() - row);
            taken[column..end].iter_mut().for_each(|left| *left = (*left).max(rows));
            cells.push(Placed {
                row,
                column,
                columns: cell.columns,
                rows,
                cell,
                frags: Vec::new(),
                pad: PAD,
            });
            column = end;
        }
        taken.iter_mut().for_each(|rows| *rows = rows.saturating_sub(1));
    }
    (cells, taken.len())
}

fn pad_of(size: f32, plain: bool) -> f32 {
    if plain || size < SIZES[0] { SMALL_PAD } else { PAD }
}

/// Takes from the widest columns alone what there is no room for, so that only their words are cut.
fn capped(least: &[f32], room: f32) -> Vec<f32> {
    let mut sorted = least.to_vec();
    sorted.sort_by(f32::total_cmp);
    let mut left = room;
    let mut cap = f32::MAX;
    for (index, width) in sorted.iter().enumerate() {
        let share = left / f32::from(u16::try_from(sorted.len() - index).unwrap_or(u16::MAX));
        if *width > share {
            cap = share;
            break;
        }
        left -= width;
    }
    least.iter().map(|width| width.min(cap)).collect()
}

/// Makes the columns of a cell wide enough for it, each by the same amount.
fn widen(columns: &mut [f32], wanted: f32) {
    let lack = wanted - columns.iter().sum::<f32>();
    if lack > 0.0 {
        let each = lack / f32::from(u8::try_from(columns.len()).unwrap_or(u8::MAX));
        columns.iter_mut().for_each(|width| *width += each);
    }
}

/// Heights of the rows: of cells of one row first, then the last row of a higher cell gives the rest.
fn heights(cells: &[Placed<'_>], rows: usize) -> Vec<f32> {
    let mut heights = vec![2.0 * SMALL_PAD + 4.0; rows];
    for placed in cells.iter().filter(|placed| placed.rows == 1) {
        heights[placed.row] = placed.height().max(heights[placed.row]);
    }
    for placed in cells.iter().filter(|placed| placed.rows > 1) {
        let end = placed.row + placed.rows;
        let lack = placed.height() - heights[placed.row..end].iter().sum::<f32>();
        if lack > 0.0 {
            heights[end - 1] += lack;
        }
    }
    heights
}

/// Ranges of rows that no cell crosses.
fn bands(cells: &[Placed<'_>], rows: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    let mut reach: Vec<usize> = (0..rows).map(|row| row + 1).collect();
    for placed in cells {
        reach[placed.row] = reach[placed.row].max(placed.row + placed.rows);
    }
    let mut start = 0;
    std::iter::from_fn(move || {
        if start >= rows {
            return None;
        }
        let (first, mut end, mut row) = (start, start + 1, start);
        while row < end {
            end = end.max(reach[row]);
            row += 1;
        }
        start = end;
        Some(first..end)
    })
}
