#include <algorithm>
#include <map>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "src/base/text.h"
#include "src/cli/commands.h"
#include "src/cli/finish.h"
#include "src/cli/open_input.h"
#include "src/cli/terminal.h"
#include "symbolizer/list_symbols.h"

namespace pgflame::cli {
namespace {

using symbolizer::ListedAddress;
using symbolizer::ListedSymbol;
using symbolizer::Listing;

struct SymbolsArguments {
  std::string binary;
  std::vector<std::string> addresses;
  bool stats = false;
  bool tsv = false;
  symbolizer::Options naming;
};

std::string tsv_row(const ListedSymbol& row) {
  return fmt::format("{:x}\t{}\t{}\t{}\t{}\n",
                     row.vaddr,
                     row.size,
                     printable(row.name),
                     name_of(row.tier),
                     printable(row.evidence));
}

std::string readable_row(const ListedSymbol& row) {
  const std::string file = row.file.empty() ? "" : " in " + printable(row.file);
  return fmt::format("{:#x} {:>6} {}{}: {}, {}\n",
                     row.vaddr,
                     row.size,
                     printable(row.name),
                     file,
                     name_of(row.tier),
                     printable(row.evidence));
}

constexpr std::string_view kNoUnwind =
    "the file has no unwind information (.eh_frame), which would tell where functions begin, for "
    "most of its code";

std::string percent_of(uint64_t part, uint64_t whole) {
  return format_percent(static_cast<double>(part) /
                        static_cast<double>(std::max<uint64_t>(whole, 1)));
}

std::string stats_of_code(const Listing& listing) {
  const bool explained = listing.no_unwind && listing.unknown_bytes != 0;
  return fmt::format("{} of {} bytes of code are in no known function, padding included{}{}\n",
                     percent_of(listing.unknown_bytes, listing.code_bytes),
                     listing.code_bytes,
                     explained ? ": " : "",
                     explained ? kNoUnwind : "");
}

std::string stats_of(const std::vector<ListedSymbol>& rows) {
  struct Share {
    uint64_t functions = 0;
    uint64_t bytes = 0;
  };
  std::map<NameTier, Share> tiers;
  Share all;
  for (const ListedSymbol& row : rows) {
    for (Share* share : {&tiers[row.tier], &all}) {
      ++share->functions;
      share->bytes += row.size;
    }
  }
  std::string text = rows.empty() ? "no functions: neither symbols nor .eh_frame\n" : "";
  for (const auto& [tier, share] : tiers) {
    text += fmt::format("{:10} {:>7} functions {:>7}  {:>9} bytes {:>7}\n",
                        name_of(tier),
                        share.functions,
                        percent_of(share.functions, all.functions),
                        share.bytes,
                        percent_of(share.bytes, all.bytes));
  }
  return text;
}

Result<std::vector<uint64_t>> parse_addresses(const std::vector<std::string>& texts) {
  std::vector<uint64_t> addresses;
  for (const std::string& text : texts) {
    const std::string_view digits = std::string_view(text).substr(text.starts_with("0x") ? 2 : 0);
    const auto address = parse_u64(digits, 16);
    if (!address) {
      return fail(ErrorKind::kUsage, "'" + text + "' is no address", "give it as 0x1f4c20");
    }
    addresses.push_back(*address);
  }
  return addresses;
}

ListedSymbol symbol_of(const ListedAddress& address, const Listing& listing) {
  if (address.symbol) return listing.symbols[*address.symbol];
  ListedSymbol none;
  none.vaddr = address.vaddr;
  none.name = "[unnamed]";
  none.evidence = "no known function covers this address";
  if (listing.no_unwind) none.evidence += fmt::format(": {}", kNoUnwind);
  return none;
}

// The function, and below it what was inlined there, as addr2line -i would say it.
std::string readable_address(const ListedAddress& address, const Listing& listing) {
  std::string text = readable_row(symbol_of(address, listing));
  for (size_t i = 0; i < address.sources.size(); ++i) {
    const auto& source = address.sources[i];
    text += fmt::format("  {:#x} {}{} at {}:{}\n",
                        address.vaddr,
                        i + 1 < address.sources.size() ? "inlined " : "",
                        printable(source.name),
                        source.file.empty() ? "?" : printable(source.file),
                        source.line);
  }
  return text;
}

std::string rows_of(const Listing& listing, const SymbolsArguments& arguments) {
  std::string text;
  for (const ListedAddress& address : listing.addresses) {
    text +=
        arguments.tsv ? tsv_row(symbol_of(address, listing)) : readable_address(address, listing);
  }
  const bool all = arguments.addresses.empty() && (arguments.tsv || !arguments.stats);
  if (!all) return text;
  for (const ListedSymbol& row : listing.symbols)
    text += arguments.tsv ? tsv_row(row) : readable_row(row);
  return text;
}

Result<ExitCode> run_symbols(const SymbolsArguments& arguments) {
  const auto addresses = parse_addresses(arguments.addresses);
  if (!addresses) return fail(Error(addresses.error()));
  if (Status found = check_places(arguments.naming); !found) return fail(std::move(found).error());
  auto listing =
      symbolizer::list_symbols(arguments.binary, in_this_environment(arguments.naming), *addresses);
  if (!listing) return fail(std::move(listing).error());
  std::string text = rows_of(*listing, arguments);
  if (arguments.stats) text += stats_of(listing->symbols) + stats_of_code(*listing);
  const Status written = print_bytes(text);
  if (!written) return fail(Error(written.error()));
  return ExitCode::kDone;
}

}  // namespace

void add_symbols_command(CLI::App& app, Invocation& invocation) {
  CLI::App* command =
      app.add_subcommand("symbols", "Show how each function of a binary got its name");
  auto arguments = std::make_shared<SymbolsArguments>();
  command->add_option("binary", arguments->binary, "An ELF file")->required();
  command->add_option("--address", arguments->addresses, "Only the functions at these addresses")
      ->allow_extra_args(false);
  command->add_flag("--stats", arguments->stats, "Shares by kind of name");
  command->add_flag("--tsv", arguments->tsv, "address, size, name, tier, evidence; tab-separated");
  command->add_option("--symfs", arguments->naming.symfs, "Look for debug files below this folder");
  command
      ->add_option("--debug-dir", arguments->naming.debug_dirs, "Look for debug files here first")
      ->allow_extra_args(false);
  command->callback([arguments, &invocation] {
    auto done = run_symbols(*arguments);
    invocation.exit_code = done ? *done : report_error(done.error());
  });
}

}  // namespace pgflame::cli
