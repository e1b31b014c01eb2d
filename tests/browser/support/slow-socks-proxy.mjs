// A SOCKS 5 proxy that delays every connection. Until the proxy has connected, the browser cannot have sent a byte.

import { connect, createServer } from "node:net";
import { once } from "node:events";

const METHOD_ACCEPTED = Buffer.from([5, 0]);
const CONNECTED = Buffer.from([5, 0, 0, 1, 127, 0, 0, 1, 0, 0]);

/** Starts the proxy, which delays each connection by `delayMs`; returns `{ url, close }`. */
export const startSlowSocksProxy = async (delayMs) => {
  const sockets = new Set();
  const track = (socket) => (sockets.add(socket), socket.on("error", () => socket.destroy()).on("close", () => sockets.delete(socket)));
  const forward = async (socket) => {
    await once(socket, "data");
    socket.write(METHOD_ACCEPTED);
    const [request] = await once(socket, "data");
    setTimeout(() => {
      const upstream = track(connect(request.readUInt16BE(request.length - 2), "127.0.0.1"));
      upstream.on("connect", () => (socket.write(CONNECTED), socket.pipe(upstream).pipe(socket)));
      upstream.on("close", () => socket.destroy());
    }, delayMs);
  };
  // A browser that is killed during the handshake closes its connection.
  const server = createServer((socket) => forward(track(socket)).catch(() => socket.destroy()));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `socks5://127.0.0.1:${server.address().port}`,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
};
