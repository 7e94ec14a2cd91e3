//! The macro that declares the kinds of one stream, each once: type, number, version, description.

/// A kind of event, as the catalogue in `docs/events.md` shows it.
#[derive(Debug, Clone, Copy)]
pub struct KindInfo {
    /// Stored number; for ever.
    pub number: u16,
    /// Version that this program writes.
    pub version: u16,
    /// Name of the kind.
    pub name: &'static str,
    /// First release that wrote it.
    pub since: &'static str,
    /// Meaning.
    pub about: &'static str,
    /// Fields, in order.
    pub fields: &'static [FieldInfo],
}

/// A field of a kind of event.
#[derive(Debug, Clone, Copy)]
pub struct FieldInfo {
    /// Name in the stored map.
    pub name: &'static str,
    /// Rust type, as written.
    pub kind: &'static str,
    /// Meaning.
    pub about: &'static str,
}

/// A kind of event: the payload that it has.
pub trait Kind: Sized {
    /// What can happen in the stream that the kind belongs to.
    type Of: From<Self>;
}

macro_rules! events {
    ($(#[doc = $of_what:literal])+ $Of:ident; $(
        $(#[doc = $about:literal])+
        $number:literal = $name:ident v $version:literal since $since:literal {
            $( $(#[doc = $field_about:literal])+ $(#[serde $serde:tt])? $field:ident : $ty:ty, )*
        }
    )+) => {
        $(
            $(#[doc = $about])+
            #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
            pub struct $name {
                $( $(#[doc = $field_about])+ $(#[serde $serde])? pub $field: $ty, )*
            }
        )+

        $(#[doc = $of_what])+
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[expect(missing_docs, reason = "each variant is the struct of its name, documented there")]
        pub enum $Of { $( $name($name), )+ }

        impl $Of {
            /// Every kind of the stream that this program knows, in order of number.
            pub const KINDS: &'static [$crate::event::catalogue::KindInfo] = &[
                $( $crate::event::catalogue::KindInfo {
                    number: $number,
                    version: $version,
                    name: stringify!($name),
                    since: $since,
                    about: concat!($($about),+),
                    fields: &[ $( $crate::event::catalogue::FieldInfo {
                        name: stringify!($field),
                        kind: stringify!($ty),
                        about: concat!($($field_about),+),
                    }, )* ],
                }, )+
            ];

            /// The stored number of its kind.
            pub fn kind(&self) -> u16 {
                match self { $( Self::$name(_) => $number, )+ }
            }

            /// The version of its kind that this program writes.
            pub fn version(&self) -> u16 {
                match self { $( Self::$name(_) => $version, )+ }
            }

            /// The version of a kind that this program writes; `None` for a kind of another stream, or an
            /// unknown one.
            pub(super) fn version_of(kind: u16) -> Option<u16> {
                match kind {
                    $( $number => Some($version), )+
                    _other => None,
                }
            }

            /// The name of its kind.
            pub fn name(&self) -> &'static str {
                match self { $( Self::$name(_) => stringify!($name), )+ }
            }

            /// The payload as a MessagePack map with named fields.
            pub fn encode_payload(&self, out: &mut Vec<u8>) -> Result<(), rmp_serde::encode::Error> {
                match self { $( Self::$name(payload) => rmp_serde::encode::write_named(out, payload), )+ }
            }

            /// Reads a payload of this program's version of a kind; `None` if the kind is not of the stream.
            pub fn deserialize_payload<'de, D: serde::Deserializer<'de>>(
                kind: u16,
                payload: D,
            ) -> Option<Result<Self, D::Error>> {
                match kind {
                    $( $number => Some(<$name as serde::Deserialize>::deserialize(payload).map(Self::$name)), )+
                    _other => None,
                }
            }

            /// The payload as JSON-able data, for people and exports.
            pub fn serialize_payload<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self { $( Self::$name(payload) => serde::Serialize::serialize(payload, serializer), )+ }
            }
        }

        $(
            impl From<$name> for $Of {
                fn from(payload: $name) -> Self { Self::$name(payload) }
            }

            impl $crate::event::catalogue::Kind for $name {
                type Of = $Of;
            }
        )+
    };
}
pub(super) use events;
