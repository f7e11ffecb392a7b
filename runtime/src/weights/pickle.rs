//! Python's pickles, as far as they hold a `state_dict`: read as data, nothing is called.
//!
//! A pickle is a program for a machine with a stack. Here each instruction makes at most one value, and values name each
//! other by number: memory grows with the bytes that were read, whatever they say, and nothing is nested that would have
//! to be taken apart by recursion. What a program would call is kept as a call ([`Value::Call`]).
//!
//! Why not candle's reader: it panics on calls without their arguments, copies what is remembered each time it is named
//! (a kilobyte can fill the memory), and leaves out tensors that it does not understand.

use std::collections::HashMap;

/// Number of a value.
pub(super) type Id = usize;

/// What a pickle can hold.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value<'a> {
    /// A whole number that fits.
    Integer(i64),
    /// A text.
    Text(&'a str),
    /// A tuple or a list.
    Sequence(Vec<Id>),
    /// A dictionary, in order.
    Dictionary(Vec<(Id, Id)>),
    /// A function or class by module and name.
    Global(&'a str, &'a str),
    /// A function or class with the tuple of its arguments.
    Call(Id, Id),
    /// What lies outside the pickle, by what names it.
    Persistent(Id),
    /// Anything else: nothing that a tensor needs.
    Other,
}

/// All values of a pickle, and which of them it is.
#[derive(Debug)]
pub(super) struct Pickle<'a> {
    values: Vec<Value<'a>>,
    root: Id,
}

impl<'a> Pickle<'a> {
    /// Reads a pickle.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, String> {
        let mut machine =
            Machine { rest: bytes, values: vec![], stack: vec![], marks: vec![], memory: HashMap::new() };
        while machine.step()? {}
        let root = machine.pop()?;
        Ok(Self { values: machine.values, root })
    }

    /// The whole.
    pub(super) fn root(&self) -> Id {
        self.root
    }

    /// A value.
    pub(super) fn get(&self, id: Id) -> &Value<'a> {
        self.values.get(id).unwrap_or(&Value::Other)
    }

    /// The elements of a tuple or list.
    pub(super) fn sequence(&self, id: Id) -> Option<&[Id]> {
        if let Value::Sequence(elements) = self.get(id) { Some(elements) } else { None }
    }

    /// A text.
    pub(super) fn text(&self, id: Id) -> Option<&'a str> {
        if let Value::Text(text) = self.get(id) { Some(text) } else { None }
    }

    /// A number that is not negative.
    pub(super) fn size(&self, id: Id) -> Option<usize> {
        if let Value::Integer(number) = self.get(id) { usize::try_from(*number).ok() } else { None }
    }
}

/// The machine while it runs.
struct Machine<'a> {
    rest: &'a [u8],
    values: Vec<Value<'a>>,
    stack: Vec<Id>,
    /// Heights of the stack.
    marks: Vec<usize>,
    memory: HashMap<u32, Id>,
}

impl<'a> Machine<'a> {
    /// Runs an instruction; false after the last.
    fn step(&mut self) -> Result<bool, String> {
        let [instruction] = self.take()?;
        match instruction {
            b'.' => return Ok(false),
            // PROTO and FRAME say nothing of the values.
            0x80 => drop(self.bytes(1)?),
            0x95 => drop(self.bytes(8)?),
            b'(' => self.marks.push(self.stack.len()),
            b'N' | 0x88 | 0x89 => self.push(Value::Other),
            b'G' => {
                self.bytes(8)?;
                self.push(Value::Other);
            }
            b'K' => {
                let [byte] = self.take()?;
                self.push(Value::Integer(byte.into()));
            }
            b'M' => {
                let number = u16::from_le_bytes(self.take()?);
                self.push(Value::Integer(number.into()));
            }
            b'J' => {
                let number = i32::from_le_bytes(self.take()?);
                self.push(Value::Integer(number.into()));
            }
            0x8a => self.long()?,
            b'X' => {
                let length = u32::from_le_bytes(self.take()?) as usize;
                self.text(length)?;
            }
            0x8c => {
                let [length] = self.take()?;
                self.text(length.into())?;
            }
            b'U' | b'C' => {
                let [length] = self.take()?;
                self.bytes(length.into())?;
                self.push(Value::Other);
            }
            b'T' | b'B' => {
                let length = u32::from_le_bytes(self.take()?) as usize;
                self.bytes(length)?;
                self.push(Value::Other);
            }
            b')' | b']' => self.push(Value::Sequence(Vec::new())),
            b'}' => self.push(Value::Dictionary(Vec::new())),
            b't' | b'l' => {
                let elements = self.since_mark()?;
                self.push(Value::Sequence(elements));
            }
            0x85..=0x87 => {
                let at = self.stack.len().checked_sub(usize::from(instruction - 0x84)).ok_or_else(short)?;
                let elements = self.stack.split_off(at);
                self.push(Value::Sequence(elements));
            }
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.set(&[key, value])?;
            }
            b'u' => {
                let items = self.since_mark()?;
                self.set(&items)?;
            }
            b'a' => {
                let element = self.pop()?;
                self.append(&[element])?;
            }
            b'e' => {
                let elements = self.since_mark()?;
                self.append(&elements)?;
            }
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.push(Value::Global(module, name));
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let (Some(Value::Text(name)), Some(Value::Text(module))) =
                    (self.values.get(name), self.values.get(module))
                else {
                    return Err("a class without a name".to_owned());
                };
                let global = Value::Global(module, name);
                self.push(global);
            }
            b'R' | 0x81 => self.call()?,
            // BUILD: what an object is filled with (`_metadata` of a state_dict) is left out.
            b'b' => drop(self.pop()?),
            b'Q' => {
                let name = self.pop()?;
                self.push(Value::Persistent(name));
            }
            b'q' => {
                let [place] = self.take()?;
                self.remember(place.into())?;
            }
            b'r' => {
                let place = u32::from_le_bytes(self.take()?);
                self.remember(place)?;
            }
            0x94 => self.remember(self.memory.len() as u32)?,
            b'h' => {
                let [place] = self.take()?;
                self.recall(place.into())?;
            }
            b'j' => {
                let place = u32::from_le_bytes(self.take()?);
                self.recall(place)?;
            }
            other => {
                return Err(format!("instruction {other:#04x} is none of those that a state_dict needs"));
            }
        }
        Ok(true)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let (first, rest) = self.rest.split_first_chunk().ok_or_else(short)?;
        self.rest = rest;
        Ok(*first)
    }

    fn bytes(&mut self, length: usize) -> Result<&'a [u8], String> {
        let (first, rest) = self.rest.split_at_checked(length).ok_or_else(short)?;
        self.rest = rest;
        Ok(first)
    }

    fn line(&mut self) -> Result<&'a str, String> {
        let end = self.rest.iter().position(|&byte| byte == b'\n').ok_or_else(short)?;
        let line = self.bytes(end)?;
        self.bytes(1)?;
        std::str::from_utf8(line).map_err(|error| error.to_string())
    }

    fn text(&mut self, length: usize) -> Result<(), String> {
        let text = std::str::from_utf8(self.bytes(length)?).map_err(|error| error.to_string())?;
        self.push(Value::Text(text));
        Ok(())
    }

    /// A number in as many bytes as it takes, in two's complement; one that does not fit is of no use here.
    fn long(&mut self) -> Result<(), String> {
        let [length] = self.take()?;
        let digits = self.bytes(length.into())?;
        let sign = if digits.last().is_some_and(|&last| last >= 0x80) { 0xff } else { 0 };
        let mut number = [sign; 8];
        let value = match number.get_mut(..digits.len()) {
            Some(low) => {
                low.copy_from_slice(digits);
                Value::Integer(i64::from_le_bytes(number))
            }
            None => Value::Other,
        };
        self.push(value);
        Ok(())
    }

    fn push(&mut self, value: Value<'a>) {
        self.stack.push(self.values.len());
        self.values.push(value);
    }

    fn pop(&mut self) -> Result<Id, String> {
        self.stack.pop().ok_or_else(short)
    }

    fn since_mark(&mut self) -> Result<Vec<Id>, String> {
        let mark = self.marks.pop().filter(|&mark| mark <= self.stack.len()).ok_or_else(short)?;
        Ok(self.stack.split_off(mark))
    }

    /// Adds keys and values in turn to the dictionary on top; of another object they are left out.
    fn set(&mut self, items: &[Id]) -> Result<(), String> {
        let top = *self.stack.last().ok_or_else(short)?;
        if let Some(Value::Dictionary(pairs)) = self.values.get_mut(top) {
            pairs.extend(items.as_chunks().0.iter().map(|&[key, value]| (key, value)));
        }
        Ok(())
    }

    fn append(&mut self, elements: &[Id]) -> Result<(), String> {
        let top = *self.stack.last().ok_or_else(short)?;
        if let Some(Value::Sequence(known)) = self.values.get_mut(top) {
            known.extend_from_slice(elements);
        }
        Ok(())
    }

    /// A call. An ordered dictionary made of nothing is a dictionary.
    fn call(&mut self) -> Result<(), String> {
        let (arguments, function) = (self.pop()?, self.pop()?);
        let is_dictionary = self.values.get(function) == Some(&Value::Global("collections", "OrderedDict"))
            && self.values.get(arguments) == Some(&Value::Sequence(Vec::new()));
        self.push(if is_dictionary {
            Value::Dictionary(Vec::new())
        } else {
            Value::Call(function, arguments)
        });
        Ok(())
    }

    fn remember(&mut self, place: u32) -> Result<(), String> {
        let top = *self.stack.last().ok_or_else(short)?;
        self.memory.insert(place, top);
        Ok(())
    }

    fn recall(&mut self, place: u32) -> Result<(), String> {
        let id = *self.memory.get(&place).ok_or_else(|| format!("nothing was remembered at {place}"))?;
        self.stack.push(id);
        Ok(())
    }
}

fn short() -> String {
    "it ends too early".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dictionary_is_read_in_order() {
        // {"a": (1, -2), "b": {"c": 300}}, with `b`'s value an OrderedDict, protocol 2.
        let bytes =
            b"\x80\x02}(X\x01\0\0\0aK\x01J\xfe\xff\xff\xff\x86q\0X\x01\0\0\0bccollections\nOrderedDict\n)R\
            X\x01\0\0\0cM\x2c\x01su.";
        let pickle = Pickle::read(bytes).expect("reads");
        let Value::Dictionary(pairs) = pickle.get(pickle.root()) else { panic!("{pickle:?}") };
        let keys: Vec<_> = pairs.iter().map(|(key, _)| pickle.text(*key)).collect();
        assert_eq!(keys, [Some("a"), Some("b")]);
        let elements = pickle.sequence(pairs[0].1).expect("a tuple");
        assert_eq!(pickle.get(elements[1]), &Value::Integer(-2));
        let Value::Dictionary(inner) = pickle.get(pairs[1].1) else { panic!("{pickle:?}") };
        assert_eq!(pickle.size(inner[0].1), Some(300));
    }

    #[test]
    fn hostile_programs_are_errors_and_small() {
        for bytes in [
            &b""[..],
            b".",
            b"(",
            b"t.",
            b"\x86.",
            b"R.",
            b"h\0.",
            b"s.",
            b"q\0.",
            b"X\xff\xff\xff\xff.",
            b"c\n",
            b"P.",
        ] {
            assert!(Pickle::read(bytes).is_err(), "{bytes:?}");
        }
        // Each pair holds the pair before twice: sixty instructions for 2^60 leaves.
        let mut doubled = b"N".to_vec();
        doubled.extend(b"q\0h\0\x86".repeat(60));
        doubled.push(b'.');
        assert_eq!(Pickle::read(&doubled).expect("reads").values.len(), 61);
        // As deep as it is long, and taken apart without recursion.
        let mut deep = b"\x85".repeat(200_000);
        deep.insert(0, b'N');
        deep.push(b'.');
        assert!(Pickle::read(&deep).is_ok());
    }
}
