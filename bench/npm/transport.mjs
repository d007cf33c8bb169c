// The other side's transport, resolved from the packages pinned in this folder.
export { default as SecretStream } from "@hyperswarm/secret-stream";
export { default as UDX } from "udx-native";
