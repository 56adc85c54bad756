// One connection to the log's namespace for the whole tab, shared by the log and the changes; it closes with its last user.
import { io } from "socket.io-client";
import env from "$/env.json";
import { getBackendURL } from "$/utils/state";

let socket = null;
let users = 0;

export function borrow() {
  users += 1;
  if (socket === null) {
    const event = getBackendURL(env.EVENT);
    const origin = event.origin.replace(/^ws/, "http");
    socket = io(origin + "/log", { path: event.pathname, transports: ["websocket"], reconnectionDelayMax: 2000 });
    keepUp(socket);
  }
  return socket;
}

// What the server ended itself, the client library does not take up again: we do, unless the person has signed out.
function keepUp(one) {
  const again = () => setTimeout(() => { if (one === socket) one.connect(); }, 2000);
  const leave = () => window.location.assign("/");
  one.on("refused", (message) => { if (message.code === "signed_out") leave(); });
  one.on("disconnect", (reason) => { if (reason === "io server disconnect") again(); });
  one.on("connect_error", (error) => {
    if (error.message === "signed_out") window.location.assign("/?next=" + encodeURIComponent(window.location.pathname + window.location.search));
    else if (!one.active) again();
  });
}

// Going from one task to another gives the connection back and borrows it again at once.
export function giveBack() {
  users -= 1;
  setTimeout(() => {
    if (users > 0 || socket === null) return;
    socket.disconnect();
    socket = null;
  }, 5000);
}
