// The npm package, resolved from here so that this folder's lock file decides.
export { default } from "corestore";
