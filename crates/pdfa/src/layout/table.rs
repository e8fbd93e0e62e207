//! Tables: columns as wide as their texts ask for, rows tied by a `rowspan` kept together, heads repeated on each page.

use std::ops::Range;

use super::lines::{self, Frag};
use super::{BOTTOM, LEFT, Op, RIGHT, SIZE, Setter, TOP, Tone};
use crate::content::{Align, Block, Cell, Row, Table};
use crate::{Error, Limits};

/// Inside the lines of a cell, around text of full size and around smaller text.
const PAD: f32 = 3.0;
const SMALL_PAD: f32 = 1.6;
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
}

/// A table in its columns and rows.
struct Grid<'t> {
    /// By row.
    cells: Vec<Placed<'t>>,
    /// Where the cells of each row begin, and where the last end.
    starts: Vec<usize>,
    heights: Vec<f32>,
    /// Left of each column, and right of the last.
    edges: Vec<f32>,
    pad: f32,
    /// Without lines.
    plain: bool,
}

impl<'t> Grid<'t> {
    fn of_rows(&self, rows: Range<usize>) -> &[Placed<'t>] {
        &self.cells[self.starts[rows.start]..self.starts[rows.end]]
    }

    fn height(&self, rows: Range<usize>) -> f32 {
        self.heights[rows].iter().sum()
    }
}

impl Placed<'_> {
    fn height(&self) -> f32 {
        self.frags.iter().map(|frag| frag.height).sum()
    }
}

impl Setter<'_> {
    pub(super) fn table(&mut self, table: &Table) -> Result<(), Error> {
        let (mut cells, columns) = place(table);
        if columns > Limits::COLUMNS {
            for row in lines::rows_as_lines(table) {
                let block = Block::Paragraph(row);
                self.flow(lines::frags(self.fonts, &[block], RIGHT - LEFT, SIZE, Align::Left))?;
            }
            return Ok(());
        }
        let rows = table.rows.len();
        let (widths, size) = self.columns(table, &cells, columns);
        let mut edges = vec![LEFT];
        for width in widths {
            edges.push(edges.last().copied().unwrap_or(LEFT) + width);
        }
        let pad = pad_of(size, table.plain);
        for placed in &mut cells {
            let width = edges[placed.column + placed.columns] - edges[placed.column] - 2.0 * pad;
            placed.frags =
                lines::frags(self.fonts, &placed.cell.blocks, width.max(8.0), size, placed.cell.align);
        }
        let starts = (0..=rows).map(|row| cells.partition_point(|placed| placed.row < row)).collect();
        let heights = heights(&cells, rows, pad);
        let bands = bands(&cells, rows);
        let grid = Grid { cells, starts, heights, edges, pad, plain: table.plain };
        if table.plain {
            let (y, width, height) = (self.y, RIGHT - LEFT, grid.height(0..rows));
            if height < self.room() {
                self.put(Op::Box { x: LEFT, y, width, height, fill: Some(Tone::Panel), line: None });
            }
        }
        self.rows(table, &grid, bands)?;
        self.y += SIZE * 0.7;
        Ok(())
    }

    /// Band after band, each where there is room for it.
    fn rows(&mut self, table: &Table, grid: &Grid<'_>, bands: Vec<Range<usize>>) -> Result<(), Error> {
        let marked = table.rows.iter().take_while(|row| row.head).count();
        let heads = bands.iter().take_while(|band| band.end <= marked).last().map_or(0, |band| band.end);
        let head_height = grid.height(0..heads);
        let repeated = heads < table.rows.len() && head_height < (BOTTOM - TOP) / 3.0;
        // Rows of heads at the start, marked as such or not, and the band after them: a head never stands alone at the
        // foot of a page.
        let is_head = |row: &Row| row.head || row.cells.iter().all(|cell| cell.head);
        let lead = table.rows.iter().take_while(|row| is_head(row)).count();
        let after = bands.iter().find(|band| band.end > lead).map_or(lead, |band| band.end);
        for band in bands {
            let repeat = if repeated && band.start >= heads { 0..heads } else { 0..0 };
            let height = grid.height(band.clone());
            let full = BOTTOM - TOP - grid.height(repeat.clone());
            let together = if band.start < lead { grid.height(band.start..after).min(full) } else { height };
            let helps = height <= full || self.room() < 40.0;
            if together.max(height) > self.room() && !self.at_top() && helps {
                self.page_break()?;
                self.band(grid, repeat.clone());
            }
            if height <= self.room() {
                self.band(grid, band);
            } else {
                for row in band {
                    self.long_row(grid, row, &repeat)?;
                }
            }
        }
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
    fn band(&mut self, grid: &Grid<'_>, band: Range<usize>) {
        let top = self.y;
        for placed in grid.of_rows(band.clone()) {
            let y = top + grid.height(band.start..placed.row);
            let end = (placed.row + placed.rows).min(band.end);
            self.cell(grid, placed, y, grid.height(placed.row..end), placed.frags.clone());
        }
        self.y += grid.height(band);
    }

    fn cell(&mut self, grid: &Grid<'_>, placed: &Placed<'_>, y: f32, height: f32, frags: Vec<Frag>) {
        let (x, end) = (grid.edges[placed.column], grid.edges[placed.column + placed.columns]);
        if !grid.plain {
            let fill = placed.cell.head.then_some(Tone::Head);
            self.put(Op::Box { x, y, width: end - x, height, fill, line: Some(Tone::Rule) });
        }
        let mut at = y + grid.pad;
        for frag in frags {
            let height = frag.height;
            self.put_frag(frag, x + grid.pad, at);
            at += height;
        }
    }

    /// A row higher than a page, or of a band higher than a page: each cell goes on where it was cut. A cell of several
    /// rows stands in its first.
    fn long_row(&mut self, grid: &Grid<'_>, row: usize, repeat: &Range<usize>) -> Result<(), Error> {
        let cells = grid.of_rows(row..row + 1);
        let mut left: Vec<&[Frag]> = cells.iter().map(|placed| placed.frags.as_slice()).collect();
        loop {
            if self.room() < 30.0 && !self.at_top() {
                self.page_break()?;
                self.band(grid, repeat.clone());
            }
            let room = self.room() - 2.0 * grid.pad;
            let mut used: f32 = 0.0;
            let mut taken: Vec<Vec<Frag>> = Vec::new();
            for frags in &mut left {
                let mut height = 0.0;
                // What is higher than a page, which nothing is, would stand at its top all the same.
                let fits = |frag: &&Frag| {
                    let fits = height + frag.height <= room || height == 0.0 && room > (BOTTOM - TOP) / 2.0;
                    height += if fits { frag.height } else { 0.0 };
                    fits
                };
                let count = frags.iter().take_while(fits).count();
                used = used.max(height);
                taken.push(frags[..count].to_vec());
                *frags = &frags[count..];
            }
            if used == 0.0 && left.iter().any(|frags| !frags.is_empty()) {
                self.page_break()?;
                self.band(grid, repeat.clone());
                continue;
            }
            let height = used + 2.0 * grid.pad;
            for (placed, frags) in cells.iter().zip(taken) {
                self.cell(grid, placed, self.y, height, frags);
            }
            self.y += height;
            if left.iter().all(|frags| frags.is_empty()) {
                return Ok(());
            }
            self.page_break()?;
            self.band(grid, repeat.clone());
        }
    }
}

/// Gives every cell its row and columns, and the number of columns; no cells where those are too many.
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
            if end > Limits::COLUMNS {
                return (Vec::new(), end);
            }
            if taken.len() < end {
                taken.resize(end, 0);
            }
            let rows = cell.rows.min(table.rows.len() - row);
            taken[column..end].iter_mut().for_each(|left| *left = (*left).max(rows));
            cells.push(Placed { row, column, columns: cell.columns, rows, cell, frags: Vec::new() });
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
fn heights(cells: &[Placed<'_>], rows: usize, pad: f32) -> Vec<f32> {
    let mut heights = vec![2.0 * pad + 4.0; rows];
    for placed in cells.iter().filter(|placed| placed.rows == 1) {
        heights[placed.row] = (placed.height() + 2.0 * pad).max(heights[placed.row]);
    }
    for placed in cells.iter().filter(|placed| placed.rows > 1) {
        let end = placed.row + placed.rows;
        let lack = placed.height() + 2.0 * pad - heights[placed.row..end].iter().sum::<f32>();
        if lack > 0.0 {
            heights[end - 1] += lack;
        }
    }
    heights
}

/// Ranges of rows that no cell crosses.
fn bands(cells: &[Placed<'_>], rows: usize) -> Vec<Range<usize>> {
    let mut bands = Vec::new();
    let (mut start, mut end) = (0, 0);
    let mut cells = cells.iter().peekable();
    for row in 0..rows {
        end = end.max(row + 1);
        while let Some(placed) = cells.next_if(|placed| placed.row == row) {
            end = end.max(row + placed.rows);
        }
        if end == row + 1 {
            bands.push(start..end);
            start = end;
        }
    }
    bands
}
