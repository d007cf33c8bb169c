// Seeded programs of a bee: the same seed makes the same program in Node and in Deno.

/** A small generator (mulberry32). */
export function dice(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  return { next, below: (n) => Math.floor(next() * n), chance: (p) => next() < p };
}

/**
 * A list of steps: { op: "put" | "del", key, value, cas } or { op: "batch", steps }. Keys come from a range that is small
 * enough for them to meet; `cas` is what the condition answers.
 */
export function program(seed) {
  const random = dice(seed);
  const keyCount = [4, 12, 40, 200, 2000][random.below(5)];
  const order = random.below(4);
  const delShare = [0, 0.2, 0.5, 0.7][random.below(4)];
  let counter = 0;
  const key = () => {
    const number = order === 0 ? counter++ : order === 1 ? 5000 - counter++ : random.below(keyCount);
    return `k${String(number).padStart(random.chance(0.02) ? 6 : 4, "0")}`;
  };
  const change = () => {
    const op = random.chance(delShare) ? "del" : "put";
    const value = random.chance(0.1) ? null : "v".repeat(random.below(6)) + random.below(100);
    const cas = random.chance(0.15) ? random.chance(0.5) : null;
    const existing = order < 2 && op === "del" && counter > 0;
    const number = order === 0 ? random.below(counter) : 5000 - random.below(counter);
    return { op, key: existing ? `k${String(number).padStart(4, "0")}` : key(), value, cas };
  };
  const steps = [];
  const count = 1 + random.below(random.chance(0.1) ? 60 : 12);
  for (let i = 0; i < count; i++) {
    if (random.chance(0.5)) steps.push(change());
    else {
      const size = random.below(random.chance(0.1) ? 400 : 40);
      steps.push({ op: "batch", steps: Array.from({ length: size }, change), drop: random.chance(0.05) });
    }
  }
  return steps;
}

/** Runs a program on a bee, ours or npm's. */
export async function run(bee, steps) {
  for (const step of steps) {
    if (step.op !== "batch") {
      await apply(bee, step);
      continue;
    }
    const batch = bee.batch();
    for (const change of step.steps) await apply(batch, change);
    if (step.drop) await batch.close();
    else await batch.flush();
  }
}

function apply(target, { op, key, value, cas }) {
  const options = cas === null ? {} : { cas: () => cas };
  return op === "del" ? target.del(key, options) : target.put(key, value, options);
}
