// A WebSocket client (the package `ws`) for the tests of the codec: random messages to an echo server, in parts, with
// pings between.   node node_peer.js PORT PATH whole|deflate MESSAGES SEED
// Ends with 0 after every message came back as it was sent and the close frame was answered.
'use strict';
const WebSocket = require('ws');
const [port, path, mode, messages, seed] = process.argv.slice(2);

let state = Number(seed) >>> 0 || 1;
function below(n) { // xorshift32
    state ^= state << 13; state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5; state >>>= 0;
    return state % n;
}
function length() {
    const kind = below(8);
    if (kind === 0) return [0, 1, 125, 126, 127, 65535, 65536][below(7)];
    return kind === 1 ? below(200000) : below(3000);
}
function bytes(n) {
    const kinds = 1 + below(255);
    return Buffer.from(Array.from({length: n}, () => below(kinds)));
}
function text(n) {
    return Array.from({length: Math.floor(n / 3)}, () => ['a', 'Z', 'ä', '€', '😀', '\0'][below(6)]).join('');
}
function fail(why) { console.error('node_peer: ' + why); process.exit(1); }

const ws = new WebSocket(`ws://127.0.0.1:${port}${path}`, {
    perMessageDeflate: mode === 'deflate' ? {threshold: 0} : false, handshakeTimeout: 10000, skipUTF8Validation: false});
let number = 0, waiting = null, pings = 0, pongs = 0;

function next() {
    if (number === Number(messages)) return ws.close(1000, 'done');
    const isText = number % 2 === 0;
    const whole = isText ? Buffer.from(text(length())) : bytes(length());
    waiting = {isText, whole};
    const cuts = [0, whole.length, ...Array.from({length: below(5)}, () => below(whole.length + 1))].sort((a, b) => a - b);
    for (let i = 0; i + 1 < cuts.length; i++) {
        ws.send(whole.subarray(cuts[i], cuts[i + 1]), {fin: i + 2 === cuts.length, binary: !isText, compress: mode === 'deflate'});
        if (below(6) === 0) { ws.ping(bytes(below(126))); pings++; }
    }
}
ws.on('open', () => {
    if (mode === 'deflate' && !ws.extensions.includes('permessage-deflate')) fail('no compression was agreed');
    next();
});
ws.on('message', (data, isBinary) => {
    if (isBinary === waiting.isText) fail(`message ${number} came back as another kind`);
    if (!waiting.whole.equals(data)) fail(`message ${number}: ${waiting.whole.length} bytes sent, ${data.length} others came back`);
    number++;
    next();
});
ws.on('pong', () => pongs++);
ws.on('error', (error) => fail(error.message));
ws.on('close', (code) => {
    if (code !== 1000 || number !== Number(messages)) fail(`closed with ${code} after ${number} messages`);
    if (pings !== pongs || pings === 0) fail(`${pings} pings, ${pongs} pongs`);
    process.exit(0);
});
