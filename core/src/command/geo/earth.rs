//! Distances on a sphere, by the haversine formula. The radius and the order of the
//! steps are Redis's, so that the digits are.

/// The quadratic mean radius of WGS-84, in meters.
pub(super) const RADIUS_M: f64 = 6_372_797.560_856;

/// Radians per degree.
const RADIANS: f64 = std::f64::consts::PI / 180.0;

/// A place, in degrees.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Point {
    pub(super) longitude: f64,
    pub(super) latitude: f64,
}

pub(super) fn radians(degrees: f64) -> f64 {
    degrees * RADIANS
}

pub(super) fn degrees(radians: f64) -> f64 {
    radians / RADIANS
}

/// The distance of two places in meters.
pub(super) fn distance_m(a: Point, b: Point) -> f64 {
    let east = ((radians(b.longitude) - radians(a.longitude)) / 2.0).sin();
    if east == 0.0 {
        return north_distance_m(a.latitude, b.latitude);
    }
    let (south, north) = (radians(a.latitude), radians(b.latitude));
    let up = ((north - south) / 2.0).sin();
    let square = up * up + south.cos() * north.cos() * east * east;
    2.0 * RADIUS_M * square.sqrt().asin()
}

/// The distance of two places on one meridian, in meters.
pub(super) fn north_distance_m(a: f64, b: f64) -> f64 {
    RADIUS_M * (radians(b) - radians(a)).abs()
}
