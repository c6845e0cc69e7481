//! LOLWUT: a picture, and the version below it.
//!
//! Version 5 draws squares on a braille canvas, in better order above than
//! below; version 6 a town at night in blocks. Any other version draws nothing.

use crate::command::Ctx;
use crate::command::error::CommandResult;
use crate::command::integer::parse_integer;
use crate::engine::rng::Rng;
use crate::version::REDIS_VERSION;

/// Columns and rows of a picture's text.
const SIDE_MAX: i64 = 1000;
/// Squares in a row, and rows of squares.
const SQUARES_MAX: i64 = 200;

pub(super) fn lolwut(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let (version, sizes) = match args {
        [_, name, number, sizes @ ..] if name.eq_ignore_ascii_case(b"version") => {
            (parse_integer(number)?, sizes)
        }
        [_, sizes @ ..] => (7, sizes),
        [] => unreachable!("a command has a name"),
    };
    let rng = &mut ctx.server.rng;
    let picture = match version {
        5 => {
            let [columns, squares, rows] =
                sizes_of(sizes, [(66, SIDE_MAX), (8, SQUARES_MAX), (12, SQUARES_MAX)])?;
            let canvas = disorder(columns, squares, rows, rng);
            canvas.render() + "\nAfter Georg Nees' plotter drawing of 1968. "
        }
        6 => {
            let [columns, rows] = sizes_of(sizes, [(80, SIDE_MAX), (20, SIDE_MAX)])?;
            town(columns, rows, rng) + "\nA town, as eight bits would have drawn it. "
        }
        _ => String::new(),
    };
    let text = format!("{picture}Redis ver. {REDIS_VERSION}\n");
    ctx.reply.verbatim(*b"txt", text.as_bytes());
    Ok(())
}

/// The sizes that were given, or their defaults, each between 1 and its limit.
fn sizes_of<const N: usize>(given: &[&[u8]], known: [(i64, i64); N]) -> CommandResult<[usize; N]> {
    let mut sizes = [0; N];
    for (place, (default, limit)) in known.into_iter().enumerate() {
        let size = match given.get(place) {
            Some(text) => parse_integer(text)?,
            None => default,
        };
        sizes[place] = size.clamp(1, limit) as usize;
    }
    Ok(sizes)
}

/// A number from 0 to 1.
fn fraction(rng: &mut Rng) -> f64 {
    const STEPS: usize = 1 << 20;
    rng.below(STEPS) as f64 / STEPS as f64
}

/// Dots, eight of which make a braille character: two columns and four rows.
struct Canvas {
    width: usize,
    dots: Vec<bool>,
}

impl Canvas {
    fn new(width: usize, height: usize) -> Self {
        Self {
            width,
            dots: vec![false; width * height],
        }
    }

    fn height(&self) -> usize {
        self.dots.len() / self.width
    }

    /// A dot; those outside of the canvas are not seen.
    fn draw(&mut self, x: f64, y: f64) {
        let (x, y) = (x.round(), y.round());
        if x < 0.0 || y < 0.0 || x >= self.width as f64 || y >= self.height() as f64 {
            return;
        }
        self.dots[y as usize * self.width + x as usize] = true;
    }

    fn draw_line(&mut self, (x, y): (f64, f64), (to_x, to_y): (f64, f64)) {
        let steps = (to_x - x).abs().max((to_y - y).abs()).ceil().max(1.0);
        for step in 0..=steps as usize {
            let part = step as f64 / steps;
            self.draw(x + (to_x - x) * part, y + (to_y - y) * part);
        }
    }

    /// A square around a point, turned by an angle.
    fn draw_square(&mut self, (x, y): (f64, f64), side: f64, angle: f64) {
        let reach = side / std::f64::consts::SQRT_2;
        let corner = |quarter: i32| {
            let turned = angle + f64::from(2 * quarter + 1) * std::f64::consts::FRAC_PI_4;
            (x + turned.sin() * reach, y + turned.cos() * reach)
        };
        for quarter in 0..4 {
            self.draw_line(corner(quarter), corner(quarter + 1));
        }
    }

    fn is_set(&self, x: usize, y: usize) -> bool {
        x < self.width && y < self.height() && self.dots[y * self.width + x]
    }

    /// The canvas as braille, whose code points count the dots in this order.
    fn render(&self) -> String {
        const BLANK: u32 = 0x2800;
        const DOTS: [(usize, usize); 8] = [
            (0, 0),
            (0, 1),
            (0, 2),
            (1, 0),
            (1, 1),
            (1, 2),
            (0, 3),
            (1, 3),
        ];
        let mut text = String::new();
        for y in (0..self.height()).step_by(4) {
            for x in (0..self.width).step_by(2) {
                let mut code = BLANK;
                for (bit, (dx, dy)) in DOTS.into_iter().enumerate() {
                    code |= u32::from(self.is_set(x + dx, y + dy)) << bit;
                }
                text.push(char::from_u32(code).expect("a block of 256 braille patterns"));
            }
            text.push('\n');
        }
        text
    }
}

/// Rows of squares that leave their places the more, the lower they are.
fn disorder(columns: usize, squares: usize, rows: usize, rng: &mut Rng) -> Canvas {
    let width = columns * 2;
    let margin = if columns > 4 { 2.0 } else { 0.0 };
    let side = (width as f64 - margin * 2.0) / squares as f64;
    let height = (side * rows as f64 + margin * 2.0).ceil();
    let mut canvas = Canvas::new(width, height as usize);
    for row in 0..rows {
        let unrest = row as f64 / rows as f64;
        for square in 0..squares {
            let mut stray = |most: f64| (fraction(rng) - 0.5) * 2.0 * most * unrest;
            let x = margin + side * (square as f64 + 0.5) + stray(side / 2.0);
            let y = margin + side * (row as f64 + 0.5) + stray(side / 2.0);
            let angle = stray(std::f64::consts::FRAC_PI_4);
            canvas.draw_square((x, y), side, angle);
        }
    }
    canvas
}

/// A skyline with a light behind some of the windows.
fn town(columns: usize, rows: usize, rng: &mut Rng) -> String {
    let heights = skyline(columns, rows, rng);
    let mut text = String::new();
    for row in 0..rows {
        for (column, height) in heights.iter().enumerate() {
            let inside = rows - row <= *height;
            let window = inside && column % 2 == 1 && row % 2 == 1;
            text.push_str(match (inside, window && rng.below(3) == 0) {
                (true, true) => "\u{1b}[0;33;40m▪\u{1b}[0m",
                (true, false) => "█",
                (false, _) if rng.below(60) == 0 => ".",
                (false, _) => " ",
            });
        }
        text.push('\n');
    }
    text
}

/// How high the town is in each column.
fn skyline(columns: usize, rows: usize, rng: &mut Rng) -> Vec<usize> {
    let mut heights = Vec::with_capacity(columns);
    while heights.len() < columns {
        let width = (3 + rng.below(6)).min(columns - heights.len());
        let height = rng.below(rows * 3 / 4 + 1);
        heights.extend(std::iter::repeat_n(height, width));
    }
    heights
}
