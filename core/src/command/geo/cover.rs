//! Which cells a search looks through: the one around its center, and those of the
//! eight around that which the shape reaches.

use super::cell::{Cell, LATITUDES, STEP_MAX};
use super::earth::Point;
use super::shape::{Bounds, Shape};

/// Half of the earth's circumference in the projection of web maps, in meters.
const MERCATOR_MAX_M: f64 = 20_037_726.37;

/// Neighbors as steps to the east and to the north. The order is that of results
/// which nobody asked to be sorted.
const AROUND: [(i32, i32); 8] = [
    (0, 1),
    (0, -1),
    (1, 0),
    (-1, 0),
    (1, 1),
    (-1, 1),
    (1, -1),
    (-1, -1),
];

/// The cells that cover a shape, none of them twice.
pub(super) fn cells_of(shape: &Shape) -> Vec<Cell> {
    let bounds = shape.bounds();
    let mut step = step_for(shape.radius_m(&bounds), shape.center.latitude);
    // The middle of a polygon around a pole is where no cell is.
    let latitude = shape.center.latitude;
    let middle = Point {
        latitude: latitude.clamp(LATITUDES.min, LATITUDES.max),
        ..shape.center
    };
    let mut center = Cell::around(middle, step);
    if step > 1 && !neighbors_reach(center, &bounds) {
        step -= 1;
        center = Cell::around(middle, step);
    }
    let mut cells = vec![center];
    // Few and large cells leave nothing out.
    let all = step < 2;
    for (east, north) in AROUND {
        if all || is_needed(center, &bounds, east, north) {
            cells.push(center.neighbor(east, north));
        }
    }
    // Where the world is two cells wide, both neighbors of one are the same.
    cells.dedup();
    cells
}

/// The step whose cells are about as large as the radius.
fn step_for(mut radius_m: f64, latitude: f64) -> u32 {
    if radius_m == 0.0 {
        return STEP_MAX;
    }
    let mut step = 1;
    while radius_m < MERCATOR_MAX_M {
        radius_m *= 2.0;
        step += 1;
    }
    // A wider range makes nine cells enough in most places; near the poles, where
    // meridians are close, it takes more.
    step -= 2;
    step -= i32::from(latitude.abs() > 66.0);
    step -= i32::from(latitude.abs() > 80.0);
    step.clamp(1, STEP_MAX.cast_signed()).cast_unsigned()
}

/// Whether the nine cells hold the bounds. The center may be near a border of its cell.
fn neighbors_reach(center: Cell, bounds: &Bounds) -> bool {
    let short = center.neighbor(0, 1).latitudes().max < bounds.latitudes.max
        || center.neighbor(0, -1).latitudes().min > bounds.latitudes.min
        || center.neighbor(1, 0).longitudes().max < bounds.longitudes.max
        || center.neighbor(-1, 0).longitudes().min > bounds.longitudes.min;
    !short
}

/// Whether the bounds leave the center's cell in that direction.
fn is_needed(center: Cell, bounds: &Bounds, east: i32, north: i32) -> bool {
    let (x, y) = (center.longitudes(), center.latitudes());
    let unneeded = (north < 0 && y.min < bounds.latitudes.min)
        || (north > 0 && y.max > bounds.latitudes.max)
        || (east < 0 && x.min < bounds.longitudes.min)
        || (east > 0 && x.max > bounds.longitudes.max);
    !unneeded
}

#[cfg(test)]
mod tests {
    use super::super::shape::Form;
    use super::*;

    fn cells(radius_m: f64, longitude: f64, latitude: f64) -> Vec<Cell> {
        cells_of(&Shape {
            form: Form::Circle { radius: radius_m },
            center: Point {
                longitude,
                latitude,
            },
            meters_per_unit: 1.0,
        })
    }

    #[test]
    fn a_huge_circle_takes_every_cell_once() {
        assert_eq!(cells(1e8, 10.0, 10.0).len(), 4);
    }

    #[test]
    fn a_polygon_around_a_pole_has_cells() {
        let corner = |longitude| Point {
            longitude,
            latitude: 80.0,
        };
        let shape = Shape::polygon([-120.0, 0.0, 120.0].map(corner).to_vec());
        let inside = Point {
            longitude: 60.0,
            latitude: 79.0,
        };
        let first_of = |cell: &Cell| cell.scores().0;
        let score = Cell::around(inside, STEP_MAX).scores().0;
        let cells = cells_of(&shape);
        let holds = |cell: &Cell| (first_of(cell)..cell.scores().1).contains(&score);
        assert!(cells.iter().any(holds));
    }

    #[test]
    fn a_small_circle_takes_few_cells() {
        let found = cells(1000.0, 10.0, 10.0);
        assert!((1..=9).contains(&found.len()));
        let distinct: std::collections::HashSet<u64> =
            found.iter().map(|cell| cell.bits()).collect();
        assert_eq!(distinct.len(), found.len());
    }

    #[test]
    fn steps_follow_the_radius() {
        assert_eq!(step_for(0.0, 0.0), 26);
        assert_eq!(step_for(f64::INFINITY, 0.0), 1);
        assert_eq!(step_for(1000.0, 0.0), 14);
        assert_eq!(step_for(1000.0, 70.0), 13);
        assert_eq!(step_for(1000.0, -81.0), 12);
    }
}
