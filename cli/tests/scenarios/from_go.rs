//! What users of Haloy (Go) type, and what that means here.

use crate::harness::*;

const SHOP: &str = r#"name: shop
image: registry.example/shop:v1
targets:
  production: {replicas: 1, domains: [{domain: shop.example, aliases: [www.shop.example]}]}
  staging: {server: localhost}
  db: {preset: database, image: {repository: postgres, tag: "17"}}
"#;

#[test]
fn options_and_commands_of_haloy_go() {
    // Replicas that start side by side have addresses in any order: two are only checked.
    let mut scenario = Scenario::with(&SHOP.replace("replicas: 1", "replicas: 2"));
    scenario.haloy("version");
    scenario.haloy("version --json");
    scenario.haloy("targets");
    scenario.haloy("targets --json -c haloy.yaml");
    scenario.config(SHOP);
    scenario.haloy("deploy --targets production,staging --no-logs");
    scenario.haloy("deploy -a --no-logs");
    scenario.haloy("deploy --include-protected");
    scenario.haloy("deploy -a --include-protected --no-logs");
    scenario.haloy("deploy -a --include-protected --no-logs --yes");
    scenario.note("a failure is one, whatever is shown");
    scenario.config(&format!("{SHOP}env: [{{name: STATUS, value: \"503\"}}]\n"));
    scenario.haloy("deploy -t staging --no-logs");
    scenario.config(SHOP);
    scenario.haloy("rollback -t staging --no-logs");
    scenario.note("images");
    scenario.haloy("prune-images -t production");
    scenario.haloy("prune-images -t production --keep -1 --yes");
    scenario.haloy("prune-images -t production --keep 6 --yes");
    scenario.haloy("prune-images -t production --keep 2 --yes");
    scenario.note("logs are Docker's, which is not here");
    scenario.haloy("logs -t staging --no-follow --all-containers --raw");
    scenario.haloy("logs -t staging --container 0123 --all-containers");
    scenario.haloy("logs -t staging --follow --no-follow");
    scenario.note("volumes go by their names only, and somebody agrees");
    scenario.haloy("stop -t staging -r");
    scenario.haloy("stop -t production --remove-containers --remove-volumes");
    scenario.haloy("stop -t db --remove-containers --remove-volumes");
    scenario.note("a slip never leads to what destroys");
    for line in ["stpo", "prun", "redcat", "stop --remove-volume", "statu"] {
        scenario.haloy(line);
    }
    scenario.note("servers");
    for server in ["http://shop.example/", "http://localhost:9999", "https://shop.example", "127.0.0.1"] {
        scenario.config(&format!("name: shop\nimage: registry.example/shop:v1\nserver: {server}\n"));
        scenario.haloy("validate-config");
        scenario.haloy("deploy -q");
    }
    scenario.end("from_go");
}
