// Verify one token with jose on Node:  node examples/verify.mjs TOKEN JWK KIND
//
// TOKEN is a compact JWS, JWK the signer's public key as JSON, each the text itself or a file; KIND is one of the twelve
// of docs/wire.md. Prints the payload and ends with 0 if the key signed it as that kind, else ends with 1.
import { existsSync, readFileSync } from "node:fs";
import { compactVerify, importJWK } from "jose";

const [token, jwk, kind] = process.argv.slice(2).map((given) =>
  given.length < 1024 && existsSync(given) ? readFileSync(given, "utf8").trim() : given,
);
if (!kind) {
  console.error("usage: node verify.mjs TOKEN JWK KIND");
  process.exit(2);
}
try {
  const key = await importJWK(JSON.parse(jwk), "ES256");
  const { payload, protectedHeader } = await compactVerify(token, key, { algorithms: ["ES256"] });
  if (protectedHeader.typ !== `nameplate-${kind}+jwt`) throw new Error(`it is a ${protectedHeader.typ}`);
  const claims = JSON.parse(new TextDecoder().decode(payload));
  if (claims.eat_profile !== `urn:nameplate:1:${kind}`) throw new Error(`its profile is ${claims.eat_profile}`);
  console.log(JSON.stringify(claims));
} catch (error) {
  console.error(`not verified: ${error.message}`);
  process.exit(1);
}
