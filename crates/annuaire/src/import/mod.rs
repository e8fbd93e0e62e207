pub(crate) mod columns;
