//! What a search looks through.

use super::cell::{Degrees, LATITUDES, LONGITUDES};
use super::earth::{Point, RADIUS_M, degrees, distance_m, north_distance_m, radians};

/// A form, in the units of the search.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Form {
    Circle {
        radius: f64,
    },
    Box {
        width: f64,
        height: f64,
    },
    /// At least three corners; the last one is joined to the first.
    Polygon(Vec<Point>),
}

/// A form at its place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shape {
    pub(super) form: Form,
    pub(super) center: Point,
    pub(super) meters_per_unit: f64,
}

/// The degrees that a shape may extend to. They may leave the world.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bounds {
    pub(super) longitudes: Degrees,
    pub(super) latitudes: Degrees,
}

impl Shape {
    /// A polygon around the middle of its corners.
    pub(super) fn polygon(corners: Vec<Point>) -> Self {
        Self {
            center: middle_of(&corners),
            form: Form::Polygon(corners),
            meters_per_unit: 1.0,
        }
    }

    /// The distance of a place from the center in meters, if it is inside.
    pub(super) fn distance_inside_m(&self, place: Point) -> Option<f64> {
        let unit = self.meters_per_unit;
        match &self.form {
            Form::Circle { radius } => {
                let distance = distance_m(self.center, place);
                (distance <= radius * unit).then_some(distance)
            }
            Form::Box { width, height } => {
                let north = north_distance_m(place.latitude, self.center.latitude);
                let same_latitude = Point {
                    latitude: place.latitude,
                    ..self.center
                };
                let inside = north <= height * unit / 2.0
                    && distance_m(place, same_latitude) <= width * unit / 2.0;
                inside.then(|| distance_m(self.center, place))
            }
            Form::Polygon(corners) => {
                encloses(corners, place).then(|| distance_m(self.center, place))
            }
        }
    }

    /// The degrees it extends to. Circles and boxes are wider, in degrees, at the side
    /// that is nearer to a pole.
    pub(super) fn bounds(&self) -> Bounds {
        let unit = self.meters_per_unit;
        let (width_m, height_m) = match &self.form {
            Form::Circle { radius } => (unit * radius, unit * radius),
            Form::Box { width, height } => (unit * width / 2.0, unit * height / 2.0),
            Form::Polygon(corners) => return bounds_of(corners),
        };
        let Point {
            longitude,
            latitude,
        } = self.center;
        let up = degrees(height_m / RADIUS_M);
        let toward_equator = if latitude < 0.0 { -up } else { up };
        let aside = degrees(width_m / RADIUS_M / radians(latitude + toward_equator).cos());
        Bounds {
            longitudes: Degrees {
                min: longitude - aside,
                max: longitude + aside,
            },
            latitudes: Degrees {
                min: latitude - up,
                max: latitude + up,
            },
        }
    }

    /// A circle of this radius around the center holds it.
    pub(super) fn radius_m(&self, bounds: &Bounds) -> f64 {
        match &self.form {
            Form::Circle { radius } => radius * self.meters_per_unit,
            Form::Box { width, height } => {
                let (x, y) = (width / 2.0, height / 2.0);
                (x * x + y * y).sqrt() * self.meters_per_unit
            }
            Form::Polygon(_) => {
                let Bounds {
                    longitudes: x,
                    latitudes: y,
                } = *bounds;
                let corners = [
                    (x.min, y.max),
                    (x.max, y.max),
                    (x.min, y.min),
                    (x.max, y.min),
                ];
                let distances = corners.map(|(longitude, latitude)| {
                    let corner = Point {
                        longitude,
                        latitude,
                    };
                    distance_m(self.center, corner)
                });
                distances.into_iter().fold(0.0, f64::max)
            }
        }
    }
}

/// The mean of places as directions from the center of the earth.
fn middle_of(places: &[Point]) -> Point {
    let (mut x, mut y, mut z) = (0.0, 0.0, 0.0);
    for place in places {
        let (longitude, latitude) = (radians(place.longitude), radians(place.latitude));
        x += latitude.cos() * longitude.cos();
        y += latitude.cos() * longitude.sin();
        z += latitude.sin();
    }
    let count = places.len() as f64;
    let (x, y, z) = (x / count, y / count, z / count);
    Point {
        longitude: degrees(y.atan2(x)),
        latitude: degrees(z.atan2((x * x + y * y).sqrt())),
    }
}

fn bounds_of(places: &[Point]) -> Bounds {
    // From the far ends on, every place moves both.
    let nothing = |all: Degrees| Degrees {
        min: all.max,
        max: all.min,
    };
    let extend = |range: &mut Degrees, degrees: f64| {
        range.min = range.min.min(degrees);
        range.max = range.max.max(degrees);
    };
    let mut bounds = Bounds {
        longitudes: nothing(LONGITUDES),
        latitudes: nothing(LATITUDES),
    };
    for place in places {
        extend(&mut bounds.longitudes, place.longitude);
        extend(&mut bounds.latitudes, place.latitude);
    }
    bounds
}

/// Whether a ray from the place to the east crosses an odd number of sides.
fn encloses(corners: &[Point], place: Point) -> bool {
    let previous = corners.iter().cycle().skip(corners.len() - 1);
    let crossed = corners.iter().zip(previous).filter(|(a, b)| {
        let between = (a.latitude > place.latitude) != (b.latitude > place.latitude);
        between && {
            let across = (b.longitude - a.longitude) * (place.latitude - a.latitude);
            place.longitude < across / (b.latitude - a.latitude) + a.longitude
        }
    });
    crossed.count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(longitude: f64, latitude: f64) -> Point {
        Point {
            longitude,
            latitude,
        }
    }

    #[test]
    fn a_polygon_may_have_dents() {
        let corners = [(0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (2.0, 1.0), (0.0, 4.0)];
        let shape = Shape::polygon(corners.map(|(x, y)| at(x, y)).to_vec());
        assert!(shape.distance_inside_m(at(2.0, 0.5)).is_some());
        assert!(shape.distance_inside_m(at(3.5, 3.0)).is_some());
        assert!(
            shape.distance_inside_m(at(2.0, 2.0)).is_none(),
            "in the dent"
        );
        assert!(shape.distance_inside_m(at(5.0, 1.0)).is_none());
    }

    #[test]
    fn bounds_are_wider_toward_the_pole() {
        let bounds = |latitude| {
            let shape = Shape {
                form: Form::Circle { radius: 500.0 },
                center: at(10.0, latitude),
                meters_per_unit: 1000.0,
            };
            shape.bounds().longitudes.max
        };
        assert!(bounds(60.0) > bounds(40.0));
        assert_eq!(bounds(-60.0), bounds(60.0));
    }
}
