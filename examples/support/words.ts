/**
 * A made-up dictionary: words put together from syllables, always the same ones.
 *
 * @module
 */

const BEGINNINGS = [
  "ba",
  "cle",
  "dro",
  "fi",
  "glu",
  "ha",
  "ju",
  "ki",
  "lo",
  "mer",
  "nu",
  "po",
  "qui",
  "ra",
  "sto",
];
const MIDDLES = [
  "ba",
  "den",
  "fi",
  "gor",
  "la",
  "mi",
  "no",
  "pe",
  "ri",
  "sa",
  "tu",
  "va",
  "xi",
  "zo",
  "ble",
  "cu",
];
const ENDS = ["n", "r", "s", "t", "th", "ck", "m", "nd", "st", "x", "ll", "ng"];
const KINDS = [
  "A kind of",
  "The opposite of",
  "Somebody who makes",
  "To look for",
  "The sound of",
  "Full of",
];

/** A word and what it means. */
export interface Entry {
  readonly word: string;
  readonly meaning: string;
}

/** The first `count` entries, at most 737 280. */
export function* dictionary(count: number): Generator<Entry> {
  for (let i = 0; i < count; i++) {
    const word = wordAt(i);
    yield { word, meaning: `${KINDS[i % KINDS.length]} ${wordAt((i * 31 + 7) % count)}.` };
  }
}

function wordAt(index: number): string {
  let rest = index;
  const pick = (syllables: readonly string[]): string => {
    const syllable = syllables[rest % syllables.length]!;
    rest = Math.floor(rest / syllables.length);
    return syllable;
  };
  return pick(BEGINNINGS) + pick(MIDDLES) + pick(ENDS) + pick(MIDDLES) + pick(MIDDLES);
}
