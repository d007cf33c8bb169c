// The other side: resolved from the packages pinned in this folder.
export { default } from "hyperblobs";
