// node:http's createServer, taken without an import: an import reads all that the module exports, and three of them (WebSocket and its
// events) make Node load its own HTTP client for browsers' code, which is a tenth of the emulator's start and is used by nobody here.
export const { createServer: createHttpServer } = process.getBuiltinModule('node:http');
