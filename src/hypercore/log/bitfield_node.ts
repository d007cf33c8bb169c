/**
 * The tree that holds the pages of a bitfield: null where no bit is set, {@linkcode FULL} where all are.
 *
 * @module
 */
import { countWords, fillWords } from "./bitfield_words.ts";

const PAGE_BITS = 32768;
const PAGE_WORDS = PAGE_BITS / 32;
const FANOUT = 64;

/** A branch (`children`), a page (`words`) or {@linkcode FULL} (neither). One shape, so that walks stay fast. */
export interface Node {
  /** 64 children, or null unless this is a branch. */
  readonly children: (Node | null)[] | null;
  /** 1024 words, or null unless this is a page. */
  readonly words: Uint32Array | null;
  /** Set bits of a page; children of a branch that are {@linkcode FULL}. */
  set: number;
  /** Children of a branch that are null. */
  empty: number;
}

/** A node that holds bits: some set, some not. */
export interface Page extends Node {
  readonly words: Uint32Array;
}

interface Branch extends Node {
  readonly children: (Node | null)[];
}

/** Every bit below is set. */
export const FULL: Node = Object.freeze({ children: null, words: null, set: 0, empty: 0 });

/** How many pages there are and may be. */
export interface PageBudget {
  /** Pages held. */
  pages: number;
  /** Most pages; bits that would need another are left as they are. */
  readonly pagesMax: number;
}

/** Creates a branch whose first child is `first` and whose others are empty. */
export function newBranch(first: Node | null): Node {
  const branch = emptyBranch();
  setChild(branch, 0, first);
  return branch;
}

/**
 * Sets or clears the bits from `start` to `end` of a node that covers `size` bits and returns what takes its place.
 * Bounds are relative to the node and may lie outside of it.
 */
export function fillNode(
  node: Node | null,
  size: number,
  start: number,
  end: number,
  value: boolean,
  budget: PageBudget,
): Node | null {
  const filled = value ? FULL : null;
  if (node === filled) return node;
  if (start <= 0 && end >= size) {
    budget.pages -= countPages(node);
    return filled;
  }
  if (size === PAGE_BITS) {
    const page = toPage(node, budget);
    if (page === null) return node;
    const from = Math.max(start, 0);
    const to = Math.min(end, size);
    const before = countWords(page.words, from, to);
    fillWords(page.words, from, to, value);
    page.set += (value ? to - from : 0) - before;
    return settlePage(page, budget);
  }
  const branch = toBranch(node);
  const childSize = size / FANOUT;
  const first = Math.max(0, Math.floor(start / childSize));
  const last = Math.min(FANOUT - 1, Math.ceil(end / childSize) - 1);
  for (let slot = first; slot <= last; slot++) {
    const offset = slot * childSize;
    const child = fillNode(branch.children[slot]!, childSize, start - offset, end - offset, value, budget);
    setChild(branch, slot, child);
  }
  return settleBranch(branch);
}

/** Hands the page at `pageStart` (relative to the node) to `write` and returns what takes the node's place. */
export function editNode(
  node: Node | null,
  size: number,
  pageStart: number,
  budget: PageBudget,
  write: (page: Page) => void,
): Node | null {
  if (size === PAGE_BITS) {
    const page = toPage(node, budget);
    if (page === null) return node;
    write(page);
    page.set = countWords(page.words, 0, PAGE_BITS);
    return settlePage(page, budget);
  }
  const branch = toBranch(node);
  const childSize = size / FANOUT;
  const slot = Math.floor(pageStart / childSize);
  const child = editNode(branch.children[slot]!, childSize, pageStart - slot * childSize, budget, write);
  setChild(branch, slot, child);
  return settleBranch(branch);
}

/** Pages at or below `node`. */
export function countPages(node: Node | null): number {
  if (node === null || node === FULL) return 0;
  if (node.children === null) return 1;
  let count = 0;
  for (const child of node.children) count += countPages(child);
  return count;
}

/** Copies `node` and all below it. */
export function copyOfNode(node: Node | null): Node | null {
  if (node === null || node === FULL) return node;
  const { children, words, set, empty } = node;
  return { children: children?.map(copyOfNode) ?? null, words: words?.slice() ?? null, set, empty };
}

function toPage(node: Node | null, budget: PageBudget): Page | null {
  if (node !== null && node.words !== null) return node as Page;
  if (budget.pages >= budget.pagesMax) return null;
  budget.pages++;
  const words = new Uint32Array(PAGE_WORDS);
  if (node === null) return { children: null, words, set: 0, empty: 0 };
  return { children: null, words: words.fill(0xffffffff), set: PAGE_BITS, empty: 0 };
}

function settlePage(page: Page, budget: PageBudget): Node | null {
  if (page.set !== 0 && page.set !== PAGE_BITS) return page;
  budget.pages--;
  return page.set === 0 ? null : FULL;
}

function toBranch(node: Node | null): Branch {
  if (node !== null && node.children !== null) return node as Branch;
  if (node === null) return emptyBranch();
  return { children: new Array<Node | null>(FANOUT).fill(FULL), words: null, set: FANOUT, empty: 0 };
}

function emptyBranch(): Branch {
  return { children: new Array<Node | null>(FANOUT).fill(null), words: null, set: 0, empty: FANOUT };
}

function setChild(branch: Node, slot: number, child: Node | null): void {
  const children = branch.children!;
  const previous = children[slot]!;
  if (previous === child) return;
  if (previous === null) branch.empty--;
  else if (previous === FULL) branch.set--;
  if (child === null) branch.empty++;
  else if (child === FULL) branch.set++;
  children[slot] = child;
}

function settleBranch(branch: Branch): Node | null {
  if (branch.empty === FANOUT) return null;
  return branch.set === FANOUT ? FULL : branch;
}
