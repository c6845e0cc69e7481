//! Positions on the earth, kept as the scores of a sorted set.

mod add;
mod cell;
mod cover;
mod earth;
mod partial_sort;
mod read;
mod rows;
mod search;
mod search_args;
mod shape;
#[cfg(test)]
mod tests;

pub use rows::COMMANDS;

use crate::command::error::{CommandError, CommandResult};
use crate::text::double::parse_f64;
use cell::{LATITUDES, LONGITUDES};
use earth::Point;

/// A longitude and a latitude among the arguments.
fn parse_point(longitude: &[u8], latitude: &[u8]) -> CommandResult<Point> {
    let point = Point {
        longitude: parse_f64(longitude).ok_or(CommandError::NotFloat)?,
        latitude: parse_f64(latitude).ok_or(CommandError::NotFloat)?,
    };
    if LONGITUDES.contains(point.longitude) && LATITUDES.contains(point.latitude) {
        return Ok(point);
    }
    Err(CommandError::text(format!(
        "ERR invalid longitude,latitude pair {:.6},{:.6}",
        point.longitude, point.latitude
    )))
}

/// How many meters a unit has.
fn parse_unit(name: &[u8]) -> CommandResult<f64> {
    match name.to_ascii_lowercase().as_slice() {
        b"m" => Ok(1.0),
        b"km" => Ok(1000.0),
        b"ft" => Ok(0.3048),
        b"mi" => Ok(1609.34),
        _ => Err(CommandError::text(
            "ERR unsupported unit provided. please use M, KM, FT, MI",
        )),
    }
}
