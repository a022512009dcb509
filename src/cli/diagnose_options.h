// Options of every command that diagnoses: which samples, by which rules.
#pragma once

#include <optional>
#include <string>

#include "src/base/error.h"
#include "src/diagnose/diagnose.h"

namespace CLI {
class App;
}

namespace pgflame::cli {

struct DiagnoseOptions {
  std::string query_id;  // as typed
  std::string rules_file;
  diagnose::Selection selection;
  diagnose::RuleBook rules;  // used when rules_file is not empty

  // Valid as long as this object stays where it is.
  diagnose::Options options() const;
};

// --query-id, --backend-type, --database, --user, --application, --rules
void add_diagnose_options(CLI::App& command, DiagnoseOptions& options);

// Parses the query id and reads the rules file.
Status complete(DiagnoseOptions& options);

// The profile with the selected samples only: what a page draws and carries is what it speaks of.
Profile selected_part(Profile profile, const diagnose::Selection& selection);

// The built-in rules with those of the file, when it is not empty.
Result<diagnose::RuleBook> read_rules(const std::string& file);

}  // namespace pgflame::cli
