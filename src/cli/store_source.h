// StoreSource: page files that were given, then the compressed store, which is looked for when the
// first entry needs it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "cli/args.h"
#include "cli/choose_root.h"
#include "dumpfmt/image.h"
#include "nonresident/compressed_store.h"
#include "nonresident/page_files.h"
#include "translate/paging_context.h"

namespace v2p::cli {

/// One thread. What it is made from must outlive it.
class StoreSource final : public PageSource {
 public:
  StoreSource(const Args& args, const Image& image, const RootChoice& root,
              const PagingContext& context, const PageFiles& files)
      : args_(&args), image_(&image), root_(&root), context_(&context), files_(&files) {}

  StoredPage Fetch(unsigned page_file, std::uint64_t page) const override;

 private:
  bool MayHaveStore() const;
  void Look() const;

  const Args* args_;
  const Image* image_;
  const RootChoice* root_;
  const PagingContext* context_;
  const PageFiles* files_;
  mutable bool looked_ = false;
  mutable std::unique_ptr<const CompressedStore> store_;
};

}  // namespace v2p::cli
