//! Geohashes as integers: the world cut in halves again and again.
//!
//! A cell of step `n` has `n` bits of its longitude and `n` of its latitude, from the
//! coarsest on: `… lon1 lat1 lon0 lat0`, so that the cells inside of a cell are a range
//! of numbers. The score of a member is its cell of step 26, 52 bits, which a double
//! holds exactly. The latitudes are those of web maps, which makes cells near squares.

use super::earth::Point;

/// The step of scores.
pub(super) const STEP_MAX: u32 = 26;

/// A range of degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Degrees {
    pub(super) min: f64,
    pub(super) max: f64,
}

/// All longitudes.
pub(super) const LONGITUDES: Degrees = Degrees {
    min: -180.0,
    max: 180.0,
};
/// The latitudes that can be stored.
pub(super) const LATITUDES: Degrees = Degrees {
    min: -85.051_128_78,
    max: 85.051_128_78,
};
/// The latitudes of geohash text.
pub(super) const ALL_LATITUDES: Degrees = Degrees {
    min: -90.0,
    max: 90.0,
};

impl Degrees {
    /// True for what lies inside or on a border.
    pub(super) fn contains(self, degrees: f64) -> bool {
        (self.min..=self.max).contains(&degrees)
    }

    /// The number of the part that `degrees` lies in, of `2^step` equal ones.
    fn part_of(self, degrees: f64, step: u32) -> u32 {
        let share = (degrees - self.min) / (self.max - self.min);
        (share * (1u64 << step) as f64) as u32
    }

    /// The part of that number.
    fn part(self, number: u32, step: u32) -> Self {
        let (width, parts) = (self.max - self.min, (1u64 << step) as f64);
        Self {
            min: self.min + f64::from(number) / parts * width,
            max: self.min + (f64::from(number) + 1.0) / parts * width,
        }
    }

    fn middle(self) -> f64 {
        f64::midpoint(self.min, self.max)
    }
}

/// A cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    bits: u64,
    step: u32,
}

impl Cell {
    /// The cell of that step around a point.
    pub(super) fn around(point: Point, step: u32) -> Self {
        Self::around_in(point, step, LATITUDES)
    }

    /// The same with other borders in the north and the south.
    pub(super) fn around_in(point: Point, step: u32, latitudes: Degrees) -> Self {
        Self::of_parts(
            LONGITUDES.part_of(point.longitude, step),
            latitudes.part_of(point.latitude, step),
            step,
        )
    }

    /// The cell that a score stands for, whatever the score.
    pub(super) fn of_score(score: f64) -> Self {
        Self {
            bits: truncated(score),
            step: STEP_MAX,
        }
    }

    const fn of_parts(east: u32, north: u32, step: u32) -> Self {
        Self {
            bits: spread(north) | spread(east) << 1,
            step,
        }
    }

    const fn east_part(self) -> u32 {
        gather(self.bits >> 1)
    }

    const fn north_part(self) -> u32 {
        gather(self.bits)
    }

    /// The bits, as the score of the finest step.
    pub(super) const fn bits(self) -> u64 {
        self.bits
    }

    /// The longitudes of the cell.
    pub(super) fn longitudes(self) -> Degrees {
        LONGITUDES.part(self.east_part(), self.step)
    }

    /// The latitudes of the cell.
    pub(super) fn latitudes(self) -> Degrees {
        LATITUDES.part(self.north_part(), self.step)
    }

    /// The cell's middle, which is where its members are said to be.
    pub(super) fn middle(self) -> Point {
        let longitude = self.longitudes().middle();
        let latitude = self.latitudes().middle();
        Point {
            longitude: longitude.clamp(LONGITUDES.min, LONGITUDES.max),
            latitude: latitude.clamp(LATITUDES.min, LATITUDES.max),
        }
    }

    /// The cell some steps to the east and to the north; the world is round both ways.
    pub(super) const fn neighbor(self, east: i32, north: i32) -> Self {
        let mask = ((1u64 << self.step) - 1) as u32;
        let (mut x, mut y) = (self.east_part(), self.north_part());
        if east != 0 {
            x = x.wrapping_add_signed(east) & mask;
        }
        if north != 0 {
            y = y.wrapping_add_signed(north) & mask;
        }
        Self::of_parts(x, y, self.step)
    }

    /// The scores of the members inside: from the first one to below the second.
    pub(super) const fn scores(self) -> (f64, f64) {
        let shift = (STEP_MAX - self.step) * 2;
        let (first, behind) = (self.bits << shift, (self.bits + 1) << shift);
        (first as f64, behind as f64)
    }
}

/// Puts a zero in front of every bit.
const fn spread(number: u32) -> u64 {
    let mut bits = number as u64;
    bits = (bits | bits << 16) & 0x0000_ffff_0000_ffff;
    bits = (bits | bits << 8) & 0x00ff_00ff_00ff_00ff;
    bits = (bits | bits << 4) & 0x0f0f_0f0f_0f0f_0f0f;
    bits = (bits | bits << 2) & 0x3333_3333_3333_3333;
    (bits | bits << 1) & 0x5555_5555_5555_5555
}

/// Takes every second bit, from the lowest on.
const fn gather(bits: u64) -> u32 {
    let mut bits = bits & 0x5555_5555_5555_5555;
    bits = (bits | bits >> 1) & 0x3333_3333_3333_3333;
    bits = (bits | bits >> 2) & 0x0f0f_0f0f_0f0f_0f0f;
    bits = (bits | bits >> 4) & 0x00ff_00ff_00ff_00ff;
    bits = (bits | bits >> 8) & 0x0000_ffff_0000_ffff;
    (bits | bits >> 16) as u32
}

/// A score without its fraction. ZADD may have set any: a negative one wraps, and one
/// that is too large becomes zero, as the conversion of x86-64 does it.
fn truncated(score: f64) -> u64 {
    const TOO_LARGE: f64 = 18_446_744_073_709_551_616.0;
    if score < 0.0 {
        (score as i64).cast_unsigned()
    } else if score >= TOO_LARGE {
        0
    } else {
        score as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PALERMO: Point = Point {
        longitude: 13.361_389,
        latitude: 38.115_556,
    };

    #[test]
    fn scores_are_those_of_redis() {
        let cell = Cell::around(PALERMO, STEP_MAX);
        assert_eq!(cell.bits(), 3_479_099_956_230_698);
        assert_eq!(
            cell.scores(),
            (3_479_099_956_230_698.0, 3_479_099_956_230_699.0)
        );
        assert_eq!(
            format!("{:.17}", cell.middle().longitude),
            "13.36138933897018433"
        );
        assert_eq!(
            format!("{:.17}", cell.middle().latitude),
            "38.11555639549629859"
        );
    }

    #[test]
    fn the_world_is_round() {
        let corner = Cell::of_parts(3, 0, 2);
        assert_eq!(corner.neighbor(1, 0), Cell::of_parts(0, 0, 2));
        assert_eq!(corner.neighbor(0, -1), Cell::of_parts(3, 3, 2));
        assert_eq!(corner.neighbor(-1, 1), Cell::of_parts(2, 1, 2));
    }

    #[test]
    fn any_score_has_a_place() {
        for score in [-1.0, f64::NEG_INFINITY, f64::INFINITY, 1e18, -1e300] {
            let middle = Cell::of_score(score).middle();
            assert!(LONGITUDES.contains(middle.longitude), "{score}");
            assert!(LATITUDES.contains(middle.latitude), "{score}");
        }
        assert_eq!(Cell::of_score(f64::INFINITY), Cell::of_score(0.0));
    }

    proptest! {
        #[test]
        fn a_point_lies_in_its_cell(
            longitude in -180.0f64..180.0, latitude in -85.05f64..85.05, step in 1u32..=26,
        ) {
            let cell = Cell::around(Point { longitude, latitude }, step);
            prop_assert!(cell.longitudes().min <= longitude + 1e-9);
            prop_assert!(cell.longitudes().max >= longitude - 1e-9);
            prop_assert!(cell.latitudes().min <= latitude + 1e-9);
            prop_assert!(cell.latitudes().max >= latitude - 1e-9);
            let (first, behind) = cell.scores();
            let fine = Cell::around(Point { longitude, latitude }, STEP_MAX).bits() as f64;
            prop_assert!((first..behind).contains(&fine));
        }

        #[test]
        fn bits_are_spread_and_gathered(number: u32) {
            prop_assert_eq!(gather(spread(number)), number);
            prop_assert_eq!(spread(number) & 0xaaaa_aaaa_aaaa_aaaa, 0);
        }
    }
}
