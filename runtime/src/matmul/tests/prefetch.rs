//! What is asked for before it is read or written, line by line: no result shows it.

use gatewright_compiler::plan::{Moment, Steps, Track};

use super::{levels, packed};
use crate::aligned::AlignedVec;
use crate::cache::LINE;
use crate::matmul::soon::asked;
use crate::matmul::{Lines, Matrix, MatrixMut, PackedRows, Product, Rows, Soon, Start, multiply};
use crate::primitive::Level;

/// The lines that some numbers lie on, which begin one.
fn lines(numbers: &[f32]) -> Vec<usize> {
    let first = numbers.as_ptr().addr();
    assert!(first.is_multiple_of(LINE), "numbers that begin a line");
    (first..first + size_of_val(numbers)).step_by(LINE).map(|address| address / LINE).collect()
}

/// Zeros that begin a line.
fn aligned(length: usize) -> AlignedVec<f32> {
    AlignedVec::zeroed(length).expect("small")
}

/// How many of some lines were asked for, and how often at the most.
fn counted(asked: &[usize], of: &[usize]) -> (usize, usize) {
    let mut times = std::collections::HashMap::<usize, usize>::new();
    asked.iter().for_each(|&line| *times.entry(line).or_default() += 1);
    let found: Vec<usize> = of.iter().filter_map(|line| times.get(line).copied()).collect();
    (found.len(), found.into_iter().max().unwrap_or(0))
}

/// The portable kernels ask for nothing.
fn levels_that_ask() -> impl Iterator<Item = Level> {
    levels().filter(|&level| level != Level::Portable)
}

#[test]
fn panels_are_asked_for_where_they_are_far() {
    for level in levels_that_ask() {
        // 640 KiB, which do not stay in L2, and 512, which do: there nothing is asked for.
        for (depth, columns, far) in [(1000, 160, true), (64, 2048, false)] {
            let right = packed(level, &vec![0.5; depth * columns], depth, columns);
            let mut workspace = vec![0.0; 32 * (depth + columns)];
            let rows = Rows { count: 32, left_stride: depth, result_stride: columns, start: Start::Zero };
            let panels = lines(right.view().panels());
            let asked = asked::lines_of(|| {
                multiply(&mut workspace, rows, (0, 32 * depth), right.view(), &mut Soon::default()).unwrap();
            });
            let (found, _) = counted(&asked, &panels);
            if far {
                assert_eq!(found, panels.len(), "{level:?}");
            } else {
                assert_eq!(found, 0, "{level:?}");
            }
        }
    }
}

#[test]
fn what_is_read_soon_is_asked_for_by_products_of_several_rows() {
    // As many lines as one kernel of four blocks asks for in its rounds, two in each.
    let later = aligned(2 * 128 * 16);
    let later = later.as_slice();
    for level in levels_that_ask() {
        let right = packed(level, &vec![0.5_f32; 128 * 64], 128, 64);
        for (count, expected) in [(16, 256), (2, 256), (1, 0)] {
            let rows = Rows { count, left_stride: 128, result_stride: 64, start: Start::Zero };
            let product = Product::new(rows, right.view()).unwrap();
            let run = |prepared: bool| {
                let mut workspace = vec![0.0; count * 192];
                let mut soon = Soon::default();
                soon.extend([Lines::of(later)]);
                let places = (0, count * 128);
                asked::lines_of(|| {
                    match prepared {
                        true => product.run(&mut workspace, places, right.view(), &mut soon),
                        false => multiply(&mut workspace, rows, places, right.view(), &mut soon),
                    }
                    .unwrap();
                })
            };
            for prepared in [false, true] {
                let (found, _) = counted(&run(prepared), &lines(later));
                assert_eq!(found, expected, "{level:?}, {count} rows, prepared: {prepared}");
            }
        }
    }
}

/// All but those of the first call, before which there is nothing that could ask.
#[test]
fn results_are_asked_for_where_they_are_in_no_cache() {
    const COLUMNS: usize = 512;
    for level in levels() {
        let right = packed(level, &vec![0.5; 8 * COLUMNS], 8, COLUMNS);
        let asked_of = |count: usize, track: Option<Track>| {
            let mut memory = aligned(count * (COLUMNS + 16));
            let rows = Rows { count, left_stride: 16, result_stride: COLUMNS, start: Start::Zero };
            let place = count * 16;
            let workspace = memory.as_mut_slice();
            let result = lines(&workspace[place..place + count * COLUMNS]);
            let asked = asked::lines_of(|| {
                let soon = &mut Soon::default();
                match track {
                    None => multiply(workspace, rows, (0, place), right.view(), soon).unwrap(),
                    Some(track) => {
                        let mut product = Product::new(rows, right.view()).unwrap();
                        product.bind((Track::of_chunk(0, 0), track), Steps { steps: 1, chunk: 1 }).unwrap();
                        product.run_bound(workspace, Moment::default(), right.view(), soon).unwrap();
                    }
                }
            });
            (result.len() - counted(&asked, &result).0, result.len())
        };
        for (what, (missing, of)) in [
            ("the tape", asked_of(32, Some(Track::of_run(32 * 16, 32 * COLUMNS)))),
            ("more than half a mebibyte", asked_of(257, None)),
            ("as much, prepared", asked_of(257, Some(Track::of_chunk(257 * 16, 257 * COLUMNS)))),
        ] {
            assert!((1..=28).contains(&missing), "{level:?}, {what}: {missing} of {of}");
        }
        // Half a mebibyte of a result, or less, is in L2 still, where it is not of all steps.
        for (missing, of) in [
            asked_of(32, Some(Track::of_chunk(32 * 16, 32 * COLUMNS))),
            asked_of(32, Some(Track::in_turn([32 * 16; 2]))),
            asked_of(256, None),
        ] {
            assert_eq!(missing, of, "{level:?}");
        }
    }
}

#[test]
fn the_result_of_outer_products_is_asked_for_once() {
    for level in levels() {
        let (left, right) = (vec![0.5_f32; 300 * 300], vec![0.5_f32; 300 * 128]);
        let mut sums = aligned(300 * 128);
        let sums = sums.as_mut_slice();
        let expected = lines(sums);
        let mut rows = PackedRows::new(level);
        rows.pack(Matrix::new(&right, 300, 128, 128)).unwrap();
        let asked = asked::lines_of(|| {
            let result = MatrixMut { numbers: sums, rows: 300, columns: 128, row_stride: 128 };
            rows.add(Matrix::new(&left, 300, 300, 300), result).unwrap();
        });
        assert_eq!(counted(&asked, &expected), (expected.len(), 1), "{level:?}");
    }
}
