//! The arguments of searches, in their six spellings.

use super::cell::Cell;
use super::earth::Point;
use super::shape::{Form, Shape};
use super::{parse_point, parse_unit};
use crate::command::error::{CommandError, CommandResult};
use crate::command::integer::{parse_int, parse_integer};
use crate::keyspace::HashSeed;
use crate::text::double::parse_f64;
use crate::value::ZSet;

/// How the command says where to search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    /// GEORADIUS: longitude, latitude, radius.
    Radius,
    /// GEORADIUSBYMEMBER: member, radius.
    RadiusByMember,
    /// GEOSEARCH: options for everything.
    Search,
    /// GEOSEARCHSTORE: the same, behind a destination.
    SearchStore,
}

impl Spelling {
    const fn is_search(self) -> bool {
        matches!(self, Self::Search | Self::SearchStore)
    }
}

/// The order of results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Ascending,
    Descending,
}

/// What a result is told with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Details {
    pub(super) distance: bool,
    pub(super) hash: bool,
    pub(super) position: bool,
}

/// Where results are put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Destination<'a> {
    pub(super) key: &'a [u8],
    /// Whether scores are distances, and not positions.
    pub(super) by_distance: bool,
}

/// A search as it was asked for.
#[derive(Clone, Debug)]
pub(super) struct Query<'a> {
    pub(super) order: Option<Order>,
    /// The most results, where there is a limit.
    pub(super) count: Option<usize>,
    /// Whether the first that are found will do.
    pub(super) any: bool,
    pub(super) details: Details,
    pub(super) destination: Option<Destination<'a>>,
    /// Which of the arguments are doubles, and other things that none is mistaken for.
    pub(super) numbers: Vec<usize>,
    from: Option<From>,
    center: Point,
    form: Option<Form>,
    meters_per_unit: f64,
}

/// How GEOSEARCH names its center; a polygon has its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum From {
    Member,
    Position,
}

/// The sorted set that is searched, if it is there.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) zset: Option<&'a ZSet>,
    pub(super) seed: HashSeed,
}

impl Source<'_> {
    /// Where a member is. Without the set nothing will be searched, and any place will do.
    fn place_of(self, member: &[u8]) -> CommandResult<Point> {
        let Some(zset) = self.zset else {
            return Ok(Point::default());
        };
        let score = zset.score(self.seed, member);
        let place = score.map(|score| Cell::of_score(score).middle());
        place.ok_or(CommandError::text(
            "ERR could not decode requested zset member",
        ))
    }
}

impl<'a> Query<'a> {
    /// Reads all arguments, the name included. `stores` allows STORE and STOREDIST.
    pub(super) fn parse(
        args: &[&'a [u8]],
        spelling: Spelling,
        stores: bool,
        source: Source<'_>,
    ) -> CommandResult<Self> {
        let mut query = Self {
            order: None,
            count: None,
            any: false,
            details: Details::default(),
            destination: None,
            numbers: Vec::new(),
            from: None,
            center: Point::default(),
            form: None,
            meters_per_unit: 1.0,
        };
        let mut rest = query.parse_fixed(args, spelling, source)?;
        while let [option, operands @ ..] = rest {
            let taken = if query.parse_flag(option, spelling) {
                0
            } else if let Some(taken) = query.parse_limit(option, operands, stores)? {
                taken
            } else if spelling.is_search()
                && let Some(taken) = query.parse_place(option, operands, source)?
            {
                if !option.eq_ignore_ascii_case(b"frommember") {
                    let first = args.len() - operands.len();
                    query.numbers.extend(first..first + taken);
                }
                taken
            } else {
                return Err(CommandError::Syntax);
            };
            rest = &operands[taken..];
        }
        query.check(args[0], spelling)?;
        Ok(query)
    }

    /// Reads what stands in front of the options, and answers those.
    fn parse_fixed<'r>(
        &mut self,
        args: &'r [&'a [u8]],
        spelling: Spelling,
        source: Source<'_>,
    ) -> CommandResult<&'r [&'a [u8]]> {
        match spelling {
            Spelling::Radius => {
                self.center = parse_point(args[2], args[3])?;
                self.parse_circle(args[4], args[5])?;
                self.numbers.extend(2..5);
                Ok(&args[6..])
            }
            Spelling::RadiusByMember => {
                if source.zset.is_some() {
                    self.center = source.place_of(args[2])?;
                    self.parse_circle(args[3], args[4])?;
                    self.numbers.push(3);
                }
                Ok(&args[5..])
            }
            Spelling::Search => Ok(&args[2..]),
            Spelling::SearchStore => {
                self.destination = Some(Destination {
                    key: args[1],
                    by_distance: false,
                });
                Ok(&args[3..])
            }
        }
    }

    /// Reads an option without operands; false where it is another.
    fn parse_flag(&mut self, option: &[u8], spelling: Spelling) -> bool {
        match option.to_ascii_lowercase().as_slice() {
            b"withdist" => self.details.distance = true,
            b"withhash" => self.details.hash = true,
            b"withcoord" => self.details.position = true,
            b"any" => self.any = true,
            b"asc" => self.order = Some(Order::Ascending),
            b"desc" => self.order = Some(Order::Descending),
            b"storedist" if spelling == Spelling::SearchStore => {
                if let Some(destination) = &mut self.destination {
                    destination.by_distance = true;
                }
            }
            _ => return false,
        }
        true
    }

    /// Reads COUNT, STORE and STOREDIST; the result is how many operands they took.
    fn parse_limit(
        &mut self,
        option: &[u8],
        operands: &[&'a [u8]],
        stores: bool,
    ) -> CommandResult<Option<usize>> {
        let is = |name: &[u8]| option.eq_ignore_ascii_case(name);
        let Some(operand) = operands.first() else {
            return Ok(None);
        };
        if is(b"count") {
            let count = parse_integer(operand)?;
            let positive = usize::try_from(count).ok().filter(|count| *count > 0);
            self.count = Some(positive.ok_or(CommandError::text("ERR COUNT must be > 0"))?);
        } else if stores && (is(b"store") || is(b"storedist")) {
            self.destination = Some(Destination {
                key: operand,
                by_distance: is(b"storedist"),
            });
        } else {
            return Ok(None);
        }
        Ok(Some(1))
    }

    /// Reads GEOSEARCH's options for the place and the form.
    fn parse_place(
        &mut self,
        option: &[u8],
        operands: &[&[u8]],
        source: Source<'_>,
    ) -> CommandResult<Option<usize>> {
        let name = option.to_ascii_lowercase();
        let form = self.form.as_ref();
        let no_polygon = !matches!(form, Some(Form::Polygon(_)));
        let may_be_from = |from| no_polygon && self.from.is_none_or(|other| other == from);
        let may_be_circle = form.is_none_or(|form| matches!(form, Form::Circle { .. }));
        let may_be_box = form.is_none_or(|form| matches!(form, Form::Box { .. }));
        let may_be_polygon = (form.is_none() || !no_polygon) && self.from.is_none();
        let taken = match (name.as_slice(), operands) {
            (b"frommember", [member, ..]) if may_be_from(From::Member) => {
                self.center = source.place_of(member)?;
                self.from = Some(From::Member);
                1
            }
            (b"fromlonlat", [longitude, latitude, ..]) if may_be_from(From::Position) => {
                self.center = parse_point(longitude, latitude)?;
                self.from = Some(From::Position);
                2
            }
            (b"byradius", [radius, unit, ..]) if may_be_circle => {
                self.parse_circle(radius, unit)?;
                2
            }
            (b"bybox", [width, height, unit, ..]) if may_be_box => {
                self.parse_box(width, height, unit)?;
                3
            }
            (b"bypolygon", [count, corners @ ..]) if may_be_polygon && !corners.is_empty() => {
                let corners = parse_corners(count, corners)?;
                let taken = 1 + corners.len() * 2;
                self.form = Some(Form::Polygon(corners));
                taken
            }
            _ => return Ok(None),
        };
        Ok(Some(taken))
    }

    fn parse_circle(&mut self, radius: &[u8], unit: &[u8]) -> CommandResult {
        let radius = parse_f64(radius).ok_or(CommandError::text("ERR need numeric radius"))?;
        if radius < 0.0 {
            return Err(CommandError::text("ERR radius cannot be negative"));
        }
        self.meters_per_unit = parse_unit(unit)?;
        self.form = Some(Form::Circle { radius });
        Ok(())
    }

    fn parse_box(&mut self, width: &[u8], height: &[u8], unit: &[u8]) -> CommandResult {
        let width = parse_f64(width).ok_or(CommandError::text("ERR need numeric width"))?;
        let height = parse_f64(height).ok_or(CommandError::text("ERR need numeric height"))?;
        if width < 0.0 || height < 0.0 {
            let message = "ERR height or width cannot be negative";
            return Err(CommandError::text(message));
        }
        self.meters_per_unit = parse_unit(unit)?;
        self.form = Some(Form::Box { width, height });
        Ok(())
    }

    /// What makes no sense together, or is missing.
    fn check(&self, name: &[u8], spelling: Spelling) -> CommandResult {
        let name = String::from_utf8_lossy(name);
        let polygon = matches!(self.form, Some(Form::Polygon(_)));
        let message = if self.destination.is_some() && self.details != Details::default() {
            let what = match spelling {
                Spelling::SearchStore => "GEOSEARCHSTORE",
                _ => "STORE option in GEORADIUS",
            };
            format!("ERR {what} is not compatible with WITHDIST, WITHHASH and WITHCOORD options")
        } else if spelling.is_search() && self.from.is_none() && !polygon {
            format!("ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for {name}")
        } else if spelling.is_search() && self.form.is_none() {
            format!("ERR exactly one of BYRADIUS and BYBOX can be specified for {name}")
        } else if self.any && self.count.is_none() {
            "ERR the ANY argument requires COUNT argument".to_owned()
        } else {
            return Ok(());
        };
        Err(CommandError::text(message))
    }

    /// What is searched; only a member of a set that is not there has no form.
    pub(super) fn shape(&self) -> Option<Shape> {
        let form = self.form.clone()?;
        Some(match form {
            Form::Polygon(corners) => Shape::polygon(corners),
            form => Shape {
                form,
                center: self.center,
                meters_per_unit: self.meters_per_unit,
            },
        })
    }
}

fn parse_corners(count: &[u8], places: &[&[u8]]) -> CommandResult<Vec<Point>> {
    const CORNERS_MIN: usize = 3;
    let count = parse_int(count);
    let count = count.map_err(|_| CommandError::text("ERR invalid number of vertices"))?;
    let count = usize::try_from(count).unwrap_or(0);
    if count < CORNERS_MIN || places.len() / 2 < count {
        let message = "ERR GEOSEARCH BYPOLYGON must have at least 3 vertices";
        return Err(CommandError::text(message));
    }
    let pairs = places.chunks_exact(2).take(count);
    pairs.map(|pair| parse_point(pair[0], pair[1])).collect()
}
