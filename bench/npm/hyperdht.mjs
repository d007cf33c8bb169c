// The other side's nodes, resolved from the packages pinned in this folder.
export { default } from "hyperdht";
